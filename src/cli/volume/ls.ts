import { type Command, NO_ARGUMENTS } from "../command.ts";
import { checkFilter, encodeFilters } from "../filters.ts";
import { BOOL, listOf, STRING } from "../flags/flag-types.ts";
import { formatList, type ListLayout } from "../format/list-format.ts";
import { FORMAT_USAGE } from "../format/usage.ts";

interface ListedVolume {
  Name: string;
  Driver: string;
  Scope: string;
  Mountpoint: string;
  Labels: Record<string, string> | null;
  UsageData?: { RefCount: number; Size: number } | null;
}

const LAYOUT: ListLayout = {
  headers: {
    Name: "VOLUME NAME",
    Driver: "DRIVER",
    Scope: "SCOPE",
    Mountpoint: "MOUNTPOINT",
    Labels: "LABELS",
    Links: "LINKS",
    Size: "SIZE",
    Availability: "AVAILABILITY",
    Group: "GROUP",
    Status: "STATUS",
  },
  table: "{{.Driver}}\t{{.Name}}",
  rowType: "*formatter.volumeContext",
  quiet: "Name",
};

export const command: Command = {
  usage: "[OPTIONS]",
  short: "List volumes",
  aliases: ["volume ls", "volume list"],
  flags: [
    {
      name: "filter",
      short: "f",
      type: listOf("filter", checkFilter),
      usage: 'Provide filter values (e.g. "dangling=true")',
    },
    { name: "format", type: STRING, usage: FORMAT_USAGE },
    { name: "quiet", short: "q", type: BOOL, usage: "Only display volume names" },
  ],
  arity: NO_ARGUMENTS,
  async run(context, flags) {
    const transport = await context.connect();
    const answer = await transport.call("GET", "/volumes", { query: { filters: encodeFilters(flags.list("filter")) } });
    const volumes = (await answer.json<{ Volumes: ListedVolume[] | null }>()).Volumes ?? [];
    const rows = volumes
      .toSorted((a, b) => (a.Name < b.Name ? -1 : 1))
      .map((volume) => {
        const labels = volume.Labels ?? {};
        return {
          Name: volume.Name,
          Driver: volume.Driver,
          Scope: volume.Scope,
          Mountpoint: volume.Mountpoint,
          Labels: Object.keys(labels)
            .toSorted()
            .map((key) => `${key}=${labels[key]}`)
            .join(","),
          Label: (name: unknown) => labels[String(name)] ?? "",
          Links: volume.UsageData == null ? "N/A" : String(volume.UsageData.RefCount),
          Size: volume.UsageData == null ? "N/A" : String(volume.UsageData.Size),
          Availability: "N/A",
          Group: "N/A",
          Status: "N/A",
        };
      });
    const quiet = flags.bool("quiet");
    const format = flags.string("format") || (quiet ? "" : ((await context.config()).volumesFormat ?? ""));
    await context.io.out(formatList(LAYOUT, rows, { format, quiet }));
    return 0;
  },
};
