import type { WireCheckReport } from "../../src/wire/system.ts";
import type { TestDaemon } from "./daemon.ts";

/** What the daemon finds when it verifies all that it keeps. */
export async function checkReport(daemon: Pick<TestDaemon, "request">): Promise<WireCheckReport> {
  const lines = (await (await daemon.request("/gantry/system/check", { method: "POST" })).text()).trim().split("\n");
  const last = JSON.parse(lines.at(-1) ?? "{}") as { aux?: WireCheckReport };
  if (last.aux === undefined) throw new Error(`system check: ${lines.at(-1)}`);
  return last.aux;
}
