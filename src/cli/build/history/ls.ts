import type { WireBuildRecord } from "../../../wire/build-messages.ts";
import { type Command, NO_ARGUMENTS } from "../../command.ts";
import { checkFilter } from "../../filters.ts";
import { BOOL, listOf, STRING } from "../../flags/flag-types.ts";
import { formatList, type ListLayout, type Row } from "../../format/list-format.ts";
import { ellipsis, humanDuration } from "../../format/units.ts";
import { FORMAT_USAGE } from "../../format/usage.ts";
import { buildRecords, durationText, nameOf } from "./records.ts";

const ID_CHARACTERS = 12;
const NAME_CHARACTERS = 40;

const LAYOUT: ListLayout = {
  headers: {
    Ref: "BUILD ID",
    Name: "NAME",
    Status: "STATUS",
    CreatedAt: "CREATED AT",
    Duration: "DURATION",
    Steps: "STEPS",
  },
  table: "{{.Ref}}\t{{.Name}}\t{{.Status}}\t{{.CreatedAt}}\t{{.Duration}}",
  rowType: "*formatter.buildContext",
  quiet: "Ref",
};

export const command: Command = {
  usage: "[OPTIONS]",
  short: "List build records",
  aliases: ["builder history ls", "buildx history ls"],
  flags: [
    {
      name: "filter",
      short: "f",
      type: listOf("filter", checkFilter),
      usage: 'Provide filter values (e.g., "status=error")',
    },
    { name: "format", type: STRING, usage: FORMAT_USAGE },
    { name: "no-trunc", type: BOOL, usage: "Don't truncate output" },
    { name: "quiet", short: "q", type: BOOL, usage: "Only display build IDs" },
    { name: "builder", type: STRING, usage: "Override the configured builder instance", hidden: true },
  ],
  arity: NO_ARGUMENTS,
  examples: [
    ["builder history ls", "The builds that were, the last one first"],
    ["builder history ls --filter status=error", "Those that failed"],
  ],
  async run(context, flags) {
    const records = await buildRecords(await context.connect());
    const wanted = flags.list("filter").map(recordFilter);
    const shown = records.filter((record) => wanted.every((matches) => matches(record)));
    const whole = flags.bool("no-trunc") || flags.bool("quiet");
    const rows = shown.map((record) => recordRow(record, { whole, nowMs: Date.now() }));
    await context.io.out(formatList(LAYOUT, rows, { format: flags.string("format"), quiet: flags.bool("quiet") }));
    return 0;
  },
};

function recordFilter(text: string): (record: WireBuildRecord) => boolean {
  const [key = "", value = ""] = text.split(/=(.*)/s);
  if (key === "status") return ({ Status }) => Status === value;
  if (key === "ref") return ({ Ref }) => Ref.startsWith(value);
  if (key === "target") return ({ Target }) => Target === value;
  throw new Error(`invalid filter '${key}': one of status, ref, target`);
}

function recordRow(record: WireBuildRecord, { whole, nowMs }: { whole: boolean; nowMs: number }): Row {
  const { Ref, Steps, Status } = record;
  return {
    Ref: whole ? Ref : Ref.slice(0, ID_CHARACTERS),
    Name: whole ? nameOf(record) : ellipsis(nameOf(record), NAME_CHARACTERS),
    Status: Status.charAt(0).toUpperCase() + Status.slice(1),
    CreatedAt: `${humanDuration(nowMs - record.StartedAt)} ago`,
    Duration: durationText(record, nowMs),
    Steps: `${Steps.Completed}/${Steps.Total}`,
  };
}
