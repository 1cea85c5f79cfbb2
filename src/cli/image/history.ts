import type { WireHistoryEntry } from "../../wire/images.ts";
import { type Command, exactly } from "../command.ts";
import { BOOL, STRING } from "../flags/flag-types.ts";
import { formatList, type ListLayout, type Row } from "../format/list-format.ts";
import { ellipsis, humanDuration, humanSize } from "../format/units.ts";
import { FORMAT_USAGE } from "../format/usage.ts";
import { platformQuery } from "./platform.ts";

const CREATED_BY_WIDTH = 45;

const LAYOUT: ListLayout = {
  headers: {
    ID: "IMAGE",
    CreatedAt: "CREATED AT",
    CreatedSince: "CREATED",
    CreatedBy: "CREATED BY",
    Size: "SIZE",
    Comment: "COMMENT",
  },
  table: "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
  rowType: "*formatter.historyContext",
  quiet: "ID",
};

export const command: Command = {
  usage: "[OPTIONS] IMAGE",
  short: "Show the history of an image",
  aliases: ["image history", "history"],
  flags: [
    { name: "format", type: STRING, usage: FORMAT_USAGE },
    { name: "human", short: "H", type: BOOL, usage: "Print sizes and dates in human readable format", default: "true" },
    { name: "no-trunc", type: BOOL, usage: "Don't truncate output" },
    {
      name: "platform",
      type: STRING,
      usage: 'Show history for the given platform. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
    },
    { name: "quiet", short: "q", type: BOOL, usage: "Only show image IDs" },
  ],
  arity: exactly(1),
  examples: [["history --no-trunc debian", "How an image came to be, layer by layer"]],
  async run(context, flags) {
    const transport = await context.connect();
    const query = { platform: platformQuery(flags.string("platform")) };
    const answer = await transport.call("GET", `/images/${flags.arguments[0]}/history`, { query });
    const options = { human: flags.bool("human"), noTrunc: flags.bool("no-trunc"), now: new Date() };
    const rows = (await answer.json<WireHistoryEntry[]>()).map((item) => historyRow(item, options));
    const layout = options.human ? LAYOUT : { ...LAYOUT, headers: { ...LAYOUT.headers, CreatedSince: "CREATED AT" } };
    await context.io.out(formatList(layout, rows, { format: flags.string("format"), quiet: flags.bool("quiet") }));
    return 0;
  },
};

export function historyRow(item: WireHistoryEntry, options: { human: boolean; noTrunc: boolean; now: Date }): Row {
  const createdAt = new Date(item.Created * 1000).toISOString().replace(/\.\d+Z$/, "Z");
  const command = item.CreatedBy.replaceAll("\t", " ");
  const since = item.Created === 0 ? "N/A" : `${humanDuration(options.now.getTime() - item.Created * 1000)} ago`;
  return {
    ID: options.noTrunc ? item.Id : item.Id.replace(/^sha256:/, "").slice(0, 12),
    CreatedAt: createdAt,
    CreatedSince: options.human ? since : createdAt,
    CreatedBy: options.noTrunc ? command : ellipsis(command, CREATED_BY_WIDTH),
    Size: options.human ? humanSize(item.Size, 3) : String(item.Size),
    Comment: item.Comment,
  };
}
