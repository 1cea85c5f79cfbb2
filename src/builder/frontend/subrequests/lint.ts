import { type EngineError, messageOf } from "../../../base/errors.ts";
import { printFindings } from "../../../formats/dockerfile/checks/print-findings.ts";
import type { BuildWarning } from "../../events.ts";
import { type DockerfileText, locationOf, showProblem } from "../dockerfile-problem.ts";
import { sourceData, sourceLocation } from "./source-location.ts";

/**
 * `--call=check`: what the checks have found, and what would make the build fail. @see BuildKit frontend/subrequests/lint
 */
export function lintAnswer(
  file: DockerfileText,
  warnings: BuildWarning[],
  error: EngineError | undefined,
): { json: string; text: string } {
  const shown = warnings.map(({ rule, description, url, message, locations }) => ({
    ruleName: rule,
    description,
    url,
    detail: message,
    location: sourceLocation(...locations),
  }));
  const sources = [{ filename: file.name, language: "Dockerfile", data: sourceData(file.text) }];
  const json = { warnings: shown, sources, ...(error === undefined ? {} : { buildError: problemOf(error) }) };
  const problem = error === undefined ? "" : `\nERROR: ${messageOf(showProblem(error, file))}`;
  const findings = error !== undefined && warnings.length === 0 ? "" : printFindings(warnings);
  return { json: JSON.stringify(json, null, 2), text: `${findings}${problem}` };
}

function problemOf(error: EngineError) {
  const location = locationOf(error);
  return { message: error.message, ...(location === undefined ? {} : { location: sourceLocation(location) }) };
}
