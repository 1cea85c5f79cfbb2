import type { CliContext, Command } from "./command.ts";
import type { ConfigFile } from "./config-file.ts";
import { checkFilter, encodeFilters } from "./filters.ts";
import type { Flag, Parsed } from "./flags/flag-set.ts";
import { BOOL, listOf, STRING } from "./flags/flag-types.ts";
import { formatList, type ListLayout, type Row } from "./format/list-format.ts";
import { FORMAT_USAGE } from "./format/usage.ts";

/** `--filter`, `--format` and `--quiet` of a list. */
export function listFlags(usage: { filter: string; quiet: string }): Flag[] {
  return [
    { name: "filter", short: "f", type: listOf("filter", checkFilter), usage: usage.filter },
    { name: "format", type: STRING, usage: FORMAT_USAGE },
    { name: "quiet", short: "q", type: BOOL, usage: usage.quiet },
  ];
}

/** The fields of the configuration that hold a list's template. */
type FormatField = "imagesFormat" | "networksFormat" | "volumesFormat";

/** `--format`, else the configured one; with `--quiet` only the former counts. */
export async function listFormat(context: CliContext, flags: Parsed, field: FormatField): Promise<string> {
  const given = flags.string("format");
  if (given !== "" || flags.bool("quiet")) return given;
  const config: ConfigFile = await context.config();
  return config[field] ?? "";
}

/** The placeholders `Labels` and `Label`. */
export function labelCells(labels: Record<string, string> | null): Row {
  const all = labels ?? {};
  return {
    Labels: Object.keys(all)
      .toSorted()
      .map((key) => `${key}=${all[key]}`)
      .join(","),
    Label: (name: unknown) => all[String(name)] ?? "",
  };
}

/** A verb that lists things by name. `Answer` is the JSON of `path`. */
export function listVerb<Answer, Item extends { Name: string }>(
  words: Pick<Command, "usage" | "short" | "aliases" | "flags" | "arity"> & { examples: [string, string][] },
  list: {
    path: string;
    layout: ListLayout;
    configured: FormatField;
    items: (answer: Answer) => Item[];
    row: (item: Item, flags: Parsed) => Row;
  },
): Command {
  return {
    ...words,
    async run(context, flags) {
      const transport = await context.connect();
      const query = { filters: encodeFilters(flags.list("filter")) };
      const answer = await (await transport.call("GET", list.path, { query })).json<Answer>();
      const items = list.items(answer).toSorted((a, b) => (a.Name < b.Name ? -1 : 1));
      const rows = items.map((item) => list.row(item, flags));
      const format = await listFormat(context, flags, list.configured);
      await context.io.out(formatList(list.layout, rows, { format, quiet: flags.bool("quiet") }));
      return 0;
    },
  };
}
