import { parseInteger } from "../../base/go-values.ts";
import type { WireSearchResult } from "../../wire/registry.ts";
import { type Command, exactly } from "../command.ts";
import { callForRegistry } from "../credentials/call-for-registry.ts";
import { keyOfTerm } from "../credentials/registry-key.ts";
import { checkFilter, encodeFilters } from "../filters.ts";
import { BOOL, INT, listOf, STRING } from "../flags/flag-types.ts";
import { formatList, type ListLayout, type Row } from "../format/list-format.ts";
import { ellipsis } from "../format/units.ts";
import { printable } from "../printable.ts";

const MAX_DESCRIPTION = 45;

const LAYOUT: ListLayout = {
  headers: { Name: "NAME", Description: "DESCRIPTION", StarCount: "STARS", IsOfficial: "OFFICIAL" },
  table: "{{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}",
  rowType: "*registry.searchContext",
  quiet: "Name",
};

export const command: Command = {
  usage: "[OPTIONS] TERM",
  short: "Search Docker Hub for images",
  aliases: ["search"],
  flags: [
    {
      name: "filter",
      short: "f",
      type: listOf("filter", checkFilter),
      usage: "Filter output based on conditions provided: is-official, is-automated, stars",
    },
    { name: "format", type: STRING, usage: "Pretty-print search using a Go template" },
    { name: "limit", type: INT, usage: "Max number of search results", default: "0" },
    { name: "no-trunc", type: BOOL, usage: "Don't truncate output" },
  ],
  arity: exactly(1),
  examples: [
    ["search --filter is-official=true postgres", "The images that Docker itself vouches for"],
    ["search --filter stars=100 --limit 5 web", "Five that many people like"],
    ["search localhost:5000/web", "In another registry, by the host before the name"],
  ],
  async run(context, flags) {
    const term = flags.arguments[0] ?? "";
    const limit = flags.value("limit", (text) => parseInteger(text, { bits: 64, signed: true }), 0);
    const key = keyOfTerm(term);
    const query = { term, filters: encodeFilters(flags.list("filter")), limit: limit === 0 ? undefined : limit };
    const answer = await callForRegistry(context, { method: "GET", path: "/images/search", key, query });
    const found = (await answer.json<WireSearchResult[] | null>()) ?? [];
    const format = flags.string("format");
    const official = format === "" || format.startsWith("table");
    const rows = found.map((one) => rowOf(one, { official, whole: flags.bool("no-trunc") }));
    await context.io.out(formatList(LAYOUT, rows, { format, quiet: false }));
    return 0;
  },
};

/** `official`: for a table, which marks those that are. Descriptions are anybody's text. */
function rowOf(result: WireSearchResult, { official, whole }: { official: boolean; whole: boolean }): Row {
  const description = printable(result.description.replace(/[\r\n]/g, " "));
  const mark = result.is_official ? "[OK]" : "";
  return {
    Name: printable(result.name),
    Description: whole ? description : ellipsis(description, MAX_DESCRIPTION),
    StarCount: String(result.star_count),
    IsOfficial: official ? mark : String(result.is_official),
  };
}
