import type { WireExplanation } from "../../wire/system.ts";
import { absolutePath } from "../absolute-path.ts";
import { type CliContext, type Command, NO_ARGUMENTS } from "../command.ts";
import { BOOL, STRING } from "../flags/flag-types.ts";
import { type DiskUsage, SUMMARY_LAYOUT, usageRows, usageSummaries } from "../format/disk-usage-rows.ts";
import { detailText, formatDetails } from "../format/disk-usage-text.ts";
import { formatList } from "../format/list-format.ts";
import { FORMAT_USAGE } from "../format/usage.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  short: "Show docker disk usage",
  aliases: ["system df"],
  flags: [
    { name: "format", type: STRING, usage: FORMAT_USAGE },
    { name: "verbose", short: "v", type: BOOL, usage: "Show detailed information on space usage" },
    { name: "why", type: STRING, usage: "Tell which object a path of the engine belongs to, and what keeps it" },
  ],
  arity: NO_ARGUMENTS,
  examples: [
    ["system df", "What images, containers and volumes take, and what `prune` would give back"],
    ["system df -v", "The same for each of them, and every directory of the engine to the byte"],
    ["system df --why /var/lib/gantry/snapshots/7", "The images and containers that keep a layer"],
  ],
  async run(context, flags) {
    const path = flags.string("why");
    if (flags.changed("why")) return explain(context, path);
    const transport = await context.connect();
    const verbose = flags.bool("verbose");
    const answer = await transport.call("GET", "/system/df", { query: { verbose: verbose ? true : undefined } });
    const usage = await answer.json<DiskUsage>();
    const format = flags.string("format");
    if (!verbose)
      await context.io.out(formatList(SUMMARY_LAYOUT, usageRows(usageSummaries(usage)), { format, quiet: false }));
    else if (format === "" || format === "table") await context.io.out(detailText(usage, new Date()));
    else await context.io.out(formatDetails(format, usage, new Date()));
    return 0;
  },
};

async function explain(context: CliContext, given: string): Promise<number> {
  if (given === "") throw new Error("--why needs a path");
  const transport = await context.connect();
  const path = absolutePath(context.workingDir, given);
  const answer = await transport.call("GET", "/gantry/system/why", { query: { path } });
  const { Path, Object: object, KeptBy } = await answer.json<WireExplanation>();
  const lines = KeptBy.map(
    ({ Kind, Id, Names }) =>
      `  ${[Kind, Id, Names.length === 0 ? "" : `(${Names.join(", ")})`].filter(Boolean).join(" ")}\n`,
  );
  const kept = lines.length === 0 ? "kept by nothing: the next collection takes it\n" : `kept by\n${lines.join("")}`;
  await context.io.out(`${Path}\n${[object.Kind, object.Id].filter(Boolean).join(" ")}\n${kept}`);
  return 0;
}
