import type { WireBuildResult } from "../../wire/build-messages.ts";
import type { CliContext } from "../command.ts";
import type { Parsed } from "../flags/flag-set.ts";
import { wholeWarning } from "./display/build-display.ts";

/** Prints what `--call` asked for. The code of a check that found something is 1. */
export async function callResult(
  { io }: Pick<CliContext, "io">,
  call: string,
  { result, flags }: { result: WireBuildResult; flags: Pick<Parsed, "string"> },
): Promise<number> {
  const asJson = /(^|,)format=json(,|$)/.test(flags.string("call"));
  if (asJson) await io.out(`${result.Json.trimEnd()}\n`);
  else if (call === "check") await io.out(checkText(result));
  else await io.out(`${result.Text.trimEnd()}\n`);
  return call === "check" && result.Warnings.length > 0 ? 1 : 0;
}

/** In buildx's words. Pure. */
export function checkText({ Warnings }: Pick<WireBuildResult, "Warnings">): string {
  const count = Warnings.length;
  if (count === 0) return "Check complete, no warnings found.\n";
  const found = count === 1 ? "1 warning has been found!" : `${count} warnings have been found!`;
  return `Check complete, ${found}\n${Warnings.map(wholeWarning).join("")}`;
}
