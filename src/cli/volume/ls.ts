import { type Command, NO_ARGUMENTS } from "../command.ts";
import type { ListLayout, Row } from "../format/list-format.ts";
import { labelCells, listFlags, listVerb } from "../list-verb.ts";

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

export const command: Command = listVerb<{ Volumes: ListedVolume[] | null }, ListedVolume>(
  {
    usage: "[OPTIONS]",
    short: "List volumes",
    aliases: ["volume ls", "volume list"],
    flags: listFlags({ filter: 'Provide filter values (e.g. "dangling=true")', quiet: "Only display volume names" }),
    arity: NO_ARGUMENTS,
    examples: [["volume ls --filter dangling=true", "Volumes that no container uses"]],
  },
  {
    path: "/volumes",
    layout: LAYOUT,
    configured: "volumesFormat",
    items: (answer) => answer.Volumes ?? [],
    row: volumeRow,
  },
);

function volumeRow(volume: ListedVolume): Row {
  return {
    Name: volume.Name,
    Driver: volume.Driver,
    Scope: volume.Scope,
    Mountpoint: volume.Mountpoint,
    ...labelCells(volume.Labels),
    Links: volume.UsageData == null ? "N/A" : String(volume.UsageData.RefCount),
    Size: volume.UsageData == null ? "N/A" : String(volume.UsageData.Size),
    Availability: "N/A",
    Group: "N/A",
    Status: "N/A",
  };
}
