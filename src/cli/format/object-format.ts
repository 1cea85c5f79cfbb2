import { executeTemplate } from "../../formats/go-template/evaluate.ts";
import { FUNCTION_NAMES, stringify } from "../../formats/go-template/functions.ts";
import { parseTemplate } from "../../formats/go-template/parser.ts";
import { ExitError } from "../command.ts";

/** Go's code for a command line that is wrong (sysexits.h EX_USAGE), which Docker uses for templates of single objects. */
const USAGE_CODE = 64;

/** One object by `--format`: `json` or a template; with the newline. */
export function renderObject(format: string, value: unknown, rootType: string): string {
  if (format === "json") return `${stringify(value)}\n`;
  try {
    return `${executeTemplate(parseTemplate(format, FUNCTION_NAMES), value, { missingKey: "no-value", rootType, goNames: true })}\n`;
  } catch (error) {
    throw new ExitError(USAGE_CODE, `template parsing error: ${(error as Error).message}`);
  }
}
