import type { CliContext } from "../../command.ts";

export const PROGRESS_MODES = ["auto", "none", "plain", "quiet", "rawjson", "tty"];

export type ProgressMode = "plain" | "quiet" | "rawjson" | "tty";

/** `auto` draws on a terminal and writes lines elsewhere. Throws where `tty` is asked for and there is none. */
export async function progressMode(context: CliContext, asked: string, quiet: boolean): Promise<ProgressMode> {
  const wanted = asked === "auto" ? context.environment["BUILDKIT_PROGRESS"] || "auto" : asked;
  if (!PROGRESS_MODES.includes(wanted))
    throw new Error(`invalid progress mode ${JSON.stringify(wanted)}: one of ${PROGRESS_MODES.join(", ")}`);
  if (quiet || wanted === "quiet" || wanted === "none") return "quiet";
  if (wanted === "plain" || wanted === "rawjson") return wanted;
  const shows = context.environment["TERM"] !== "dumb" && (await context.terminal()).errorIsTerminal;
  if (!shows && wanted === "tty")
    throw new Error("failed to get console: --progress=tty needs a terminal on standard error");
  return shows ? "tty" : "plain";
}
