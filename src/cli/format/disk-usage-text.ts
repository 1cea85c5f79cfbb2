import type { WireDirectoryUsage } from "../../wire/system.ts";
import { containerLayout, containerRow } from "./container-rows.ts";
import { type DiskUsage, type UsedVolume, usageSummaries } from "./disk-usage-rows.ts";
import { imageLayout, imageRows } from "./image-rows.ts";
import { formatList, type ListLayout, type Row } from "./list-format.ts";
import { renderObject } from "./object-format.ts";
import { humanSize } from "./units.ts";

const IMAGES: ListLayout = {
  ...imageLayout(false),
  table: columns("Repository Tag ID CreatedSince Size SharedSize UniqueSize Containers"),
};
const CONTAINERS: ListLayout = {
  ...containerLayout(true),
  table: columns("ID Image Command LocalVolumes Size RunningFor Status Names"),
};
const VOLUMES: ListLayout = {
  headers: { Name: "VOLUME NAME", Links: "LINKS", Size: "SIZE" },
  table: columns("Name Links Size"),
  rowType: "*formatter.volumeContext",
  quiet: "Name",
};
const CACHE: ListLayout = {
  headers: {
    ID: "CACHE ID",
    CacheType: "CACHE TYPE",
    Size: "SIZE",
    CreatedSince: "CREATED",
    LastUsedSince: "LAST USED",
    UsageCount: "USAGE",
    Shared: "SHARED",
  },
  table: columns("ID CacheType Size CreatedSince LastUsedSince UsageCount Shared"),
  rowType: "*formatter.buildCacheContext",
  quiet: "ID",
};
const DIRECTORIES: ListLayout = {
  headers: { Path: "PATH", Entries: "ENTRIES", Bytes: "BYTES", Purpose: "PURPOSE" },
  table: columns("Path Entries Bytes Purpose"),
  rowType: "*formatter.directoryContext",
  quiet: "Path",
};

function columns(names: string): string {
  return names
    .split(" ")
    .map((name) => `{{.${name}}}`)
    .join("\t");
}

interface Details {
  Images: Row[];
  Containers: Row[];
  Volumes: Row[];
  BuildCache: Row[];
  Directories: Row[];
}

/** Docker's four tables, and one of ours where the daemon tells of its directories. Pure. */
export function detailText(usage: DiskUsage, now: Date): string {
  const rows = detailsOf(usage, now);
  const table = (layout: ListLayout, some: Row[]) => formatList(layout, some, { format: "", quiet: false });
  const cacheBytes = usageSummaries(usage).find(({ type }) => type === "Build Cache")?.bytes ?? 0;
  const sections = [
    `Images space usage:\n\n${table(IMAGES, rows.Images)}`,
    `Containers space usage:\n\n${table(CONTAINERS, rows.Containers)}`,
    `Local Volumes space usage:\n\n${table(VOLUMES, rows.Volumes)}`,
    `Build cache usage: ${humanSize(cacheBytes)}\n\n${table(CACHE, rows.BuildCache)}`,
  ];
  if (usage.Gantry !== undefined)
    sections.push(
      `Directories of the engine: ${usage.Gantry.TotalBytes} bytes\n\n${table(DIRECTORIES, rows.Directories)}`,
    );
  return sections.join("\n");
}

/** `--format` of the verbose view: `json`, or a template on `.Images`, `.Containers`, `.Volumes`, `.BuildCache`, `.Directories`. */
export function formatDetails(format: string, usage: DiskUsage, now: Date): string {
  const details = Object.fromEntries(
    Object.entries(detailsOf(usage, now)).map(([kind, rows]) => [kind, (rows as Row[]).map(plainRow)]),
  );
  return renderObject(format, details, "*formatter.diskUsageContext");
}

/** Getters are read, methods are left out. */
function plainRow(row: Row): Row {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => typeof value !== "function"));
}

function detailsOf(usage: DiskUsage, now: Date): Details {
  const { ImageUsage, ContainerUsage, VolumeUsage, Gantry } = usage;
  const options = { noTrunc: false, digests: false, now };
  const images = ImageUsage?.Items ?? usage.Images ?? [];
  // The size of the whole root is left out, as Docker does here.
  const containers = (ContainerUsage?.Items ?? usage.Containers ?? []).map((one) => ({ ...one, SizeRootFs: 0 }));
  return {
    Images: images.flatMap((image) => imageRows(image, options)),
    Containers: containers.map((container) => containerRow(container, options)),
    Volumes: (VolumeUsage?.Items ?? usage.Volumes ?? []).map(volumeRow),
    BuildCache: [],
    Directories: (Gantry?.Directories ?? []).map(directoryRow),
  };
}

function volumeRow({ Name, UsageData }: UsedVolume): Row {
  return {
    Name,
    Links: UsageData == null ? "N/A" : String(UsageData.RefCount),
    Size: UsageData == null ? "N/A" : humanSize(UsageData.Size),
  };
}

function directoryRow({ Path, Entries, Bytes, Purpose }: WireDirectoryUsage): Row {
  return { Path, Entries: String(Entries), Bytes: String(Bytes), Purpose };
}
