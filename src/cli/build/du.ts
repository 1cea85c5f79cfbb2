import { type Command, NO_ARGUMENTS } from "../command.ts";
import { checkFilter } from "../filters.ts";
import { BOOL, listOf, STRING } from "../flags/flag-types.ts";
import { formatList, type ListLayout, type Row } from "../format/list-format.ts";
import { humanDuration, humanSize } from "../format/units.ts";
import { FORMAT_USAGE } from "../format/usage.ts";

/** What we read of a cache record in `GET /system/df`. */
export interface CacheItem {
  ID: string;
  Type: string;
  Description: string;
  InUse: boolean;
  Shared: boolean;
  Size: number;
  CreatedAt: string;
  LastUsedAt: string | null;
  UsageCount: number;
}

const LAYOUT: ListLayout = {
  headers: {
    ID: "ID",
    Type: "TYPE",
    Reclaimable: "RECLAIMABLE",
    Shared: "SHARED",
    Size: "SIZE",
    LastUsedSince: "LAST USED",
    UsageCount: "USAGE",
    Description: "DESCRIPTION",
  },
  table: "{{.ID}}\t{{.Reclaimable}}\t{{.Size}}\t{{.LastUsedSince}}",
  rowType: "*formatter.buildCacheContext",
  quiet: "ID",
};
const VERBOSE_TABLE =
  "table {{.ID}}\t{{.Type}}\t{{.Reclaimable}}\t{{.Shared}}\t{{.Size}}\t{{.LastUsedSince}}\t{{.UsageCount}}\t{{.Description}}";

export const command: Command = {
  usage: "[OPTIONS]",
  short: "Show what the build cache takes",
  aliases: ["builder du", "buildx du"],
  flags: [
    {
      name: "filter",
      type: listOf("filter", checkFilter),
      usage: 'Provide filter values (e.g. "type=exec.cachemount", "inuse=false")',
    },
    { name: "format", type: STRING, usage: FORMAT_USAGE },
    { name: "verbose", type: BOOL, usage: "Show what each record is, and how often it was used" },
    { name: "builder", type: STRING, usage: "Override the configured builder instance", hidden: true },
  ],
  arity: NO_ARGUMENTS,
  examples: [
    ["builder du", "Every record, the largest first, and what all of them take"],
    ["builder du --verbose --filter type=exec.cachemount", "What RUN --mount=type=cache keeps, with descriptions"],
  ],
  async run(context, flags) {
    const transport = await context.connect();
    const answer = await transport.call("GET", "/system/df", { query: { type: "build-cache", verbose: true } });
    const usage = await answer.json<{
      BuildCache?: CacheItem[] | null;
      BuildCacheUsage?: { Items?: CacheItem[] | null };
    }>();
    const wanted = flags.list("filter").map(cacheFilter);
    const items = (usage.BuildCacheUsage?.Items ?? usage.BuildCache ?? [])
      .filter((item) => wanted.every((matches) => matches(item)))
      .toSorted((a, b) => b.Size - a.Size);
    const format = flags.string("format") || (flags.bool("verbose") ? VERBOSE_TABLE : "");
    const rows = items.map((item) => cacheRow(item, Date.now()));
    const text = formatList(LAYOUT, rows, { format, quiet: false });
    await context.io.out(flags.changed("format") ? text : text + sumsText(items));
    return 0;
  },
};

/** Throws for a filter that there is not. */
function cacheFilter(text: string): (item: CacheItem) => boolean {
  const [key = "", value = ""] = text.split(/=(.*)/s);
  const flag = value === "" || /^(1|t|true)$/i.test(value);
  switch (key) {
    case "id":
      return ({ ID }) => ID.startsWith(value);
    case "type":
      return ({ Type }) => Type === value;
    case "description":
      return ({ Description }) => Description.includes(value);
    case "inuse":
      return ({ InUse }) => InUse === flag;
    case "shared":
      return ({ Shared }) => Shared === flag;
    case "private":
      return ({ Shared }) => Shared !== flag;
    default:
      throw new Error(`invalid filter '${key}': one of id, type, description, inuse, shared, private`);
  }
}

function cacheRow(item: CacheItem, nowMs: number): Row {
  const used = item.LastUsedAt ?? item.CreatedAt;
  return {
    ID: `${item.ID}${item.InUse ? "*" : ""}`,
    Type: item.Type,
    Reclaimable: String(!item.InUse),
    Shared: String(item.Shared),
    Size: humanSize(item.Size),
    LastUsedSince: `${humanDuration(nowMs - Date.parse(used))} ago`,
    UsageCount: String(item.UsageCount),
    Description: item.Description,
  };
}

function sumsText(items: readonly CacheItem[]): string {
  const sum = (which: (item: CacheItem) => boolean) =>
    humanSize(items.reduce((bytes, item) => bytes + (which(item) ? item.Size : 0), 0));
  const reclaimable = ({ InUse, Shared }: CacheItem) => !InUse && !Shared;
  return `Shared:\t\t${sum(({ Shared }) => Shared)}\nPrivate:\t${sum(({ Shared }) => !Shared)}\nReclaimable:\t${sum(reclaimable)}\nTotal:\t\t${sum(() => true)}\n`;
}
