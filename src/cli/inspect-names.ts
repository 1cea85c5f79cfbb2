import { ConnectionError } from "../client/errors.ts";
import { executeTemplate } from "../formats/go-template/evaluate.ts";
import { FUNCTION_NAMES, stringify } from "../formats/go-template/functions.ts";
import { parseTemplate } from "../formats/go-template/parser.ts";
import { type CliContext, ExitError } from "./command.ts";
import { describeFailure } from "./failure.ts";

/** Shows what `get` finds for each name: a JSON list, or a line by `format`. Names not found are told after the others. */
export async function inspectNames(
  context: CliContext,
  names: readonly string[],
  format: string,
  get: (name: string) => Promise<unknown>,
): Promise<number> {
  const render = renderer(format);
  const found: unknown[] = [];
  const lines: string[] = [];
  const failures: string[] = [];
  let unreachable: ErrorOptions = {};
  for (const name of names) {
    try {
      const value = await get(name);
      found.push(value);
      if (render === undefined) continue;
      lines.push(""); // what a template that fails leaves behind, as Docker's
      lines[lines.length - 1] = render(value);
    } catch (error) {
      failures.push(describeFailure(error).message);
      if (!(error instanceof ConnectionError)) continue;
      unreachable = { cause: error };
      break;
    }
  }
  if (format === "json") await context.io.out(`${stringify(found)}\n`);
  else if (render === undefined) await context.io.out(`${goIndent(found)}\n`);
  else await context.io.out(lines.map((line) => `${line}\n`).join(""));
  if (failures.length === 0) return 0;
  throw new ExitError(1, failures.join("\n"), unreachable);
}

/** undefined: the plain JSON list. */
function renderer(format: string): ((value: unknown) => string) | undefined {
  if (format === "" || format === "json") return undefined;
  try {
    const template = parseTemplate(format, FUNCTION_NAMES);
    return (value) => {
      try {
        return executeTemplate(template, value, { missingKey: "error", goNames: true });
      } catch (error) {
        throw new Error(`template parsing error: ${(error as Error).message}`);
      }
    };
  } catch (error) {
    throw new ExitError(64, `template parsing error: ${(error as Error).message}`);
  }
}

/** encoding/json with four spaces: as JSON.stringify, which also writes `[]` and `{}` on one line. */
function goIndent(value: unknown): string {
  return JSON.stringify(value, undefined, 4);
}
