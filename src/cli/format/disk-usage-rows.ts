import type { WireDirectoryUsage } from "../../wire/system.ts";
import type { ListedContainer } from "./container-rows.ts";
import type { ListedImage } from "./image-rows.ts";
import type { ListLayout, Row } from "./list-format.ts";
import { humanSize } from "./units.ts";

/** What we read of a volume in `GET /system/df`. */
export interface UsedVolume {
  Name: string;
  UsageData?: { Size: number; RefCount: number } | null;
}

export interface UsedCache {
  Size: number;
  InUse: boolean;
  Shared: boolean;
}

interface Summary<Item> {
  ActiveCount: number;
  TotalCount: number;
  Reclaimable: number;
  TotalSize: number;
  Items?: Item[] | null;
}

/** What we read of `GET /system/df`: summaries of a daemon since 1.52, lists of an older one. */
export interface DiskUsage {
  LayersSize?: number;
  Images?: ListedImage[] | null;
  Containers?: ListedContainer[] | null;
  Volumes?: UsedVolume[] | null;
  BuildCache?: UsedCache[] | null;
  ImageUsage?: Summary<ListedImage>;
  ContainerUsage?: Summary<ListedContainer>;
  VolumeUsage?: Summary<UsedVolume>;
  BuildCacheUsage?: Summary<UsedCache>;
  /** Our daemon's own, with `verbose`. */
  Gantry?: { Directories: WireDirectoryUsage[]; TotalBytes: number };
}

export const SUMMARY_LAYOUT: ListLayout = {
  headers: { Type: "TYPE", TotalCount: "TOTAL", Active: "ACTIVE", Size: "SIZE", Reclaimable: "RECLAIMABLE" },
  table: "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
  rowType: "*formatter.diskUsageContext",
  quiet: "Type",
};

/** One kind of thing. */
export interface KindUsage {
  type: "Images" | "Containers" | "Local Volumes" | "Build Cache";
  total: number;
  active: number;
  bytes: number;
  reclaimableBytes: number;
}

/** From a daemon's own sums where it gives them, else from its lists, as Docker's command counts. Pure. */
export function usageSummaries(usage: DiskUsage): KindUsage[] {
  return [
    given("Images", usage.ImageUsage) ?? imagesSummary(usage),
    given("Containers", usage.ContainerUsage) ?? containersSummary(usage.Containers ?? []),
    given("Local Volumes", usage.VolumeUsage) ?? volumesSummary(usage.Volumes ?? []),
    given("Build Cache", usage.BuildCacheUsage) ?? cacheSummary(usage.BuildCache ?? []),
  ];
}

function given(type: KindUsage["type"], summary: Summary<unknown> | undefined): KindUsage | undefined {
  if (summary === undefined) return undefined;
  const { TotalCount, ActiveCount, TotalSize, Reclaimable } = summary;
  return { type, total: TotalCount, active: ActiveCount, bytes: TotalSize, reclaimableBytes: Reclaimable };
}

const sum = <T>(items: readonly T[], size: (item: T) => number) => items.reduce((total, item) => total + size(item), 0);

function imagesSummary({ Images, LayersSize = 0 }: DiskUsage): KindUsage {
  const images = Images ?? [];
  const inUse = images.filter((image) => image.Containers > 0);
  const bytesInUse = sum(inUse, (image) =>
    image.Size < 0 || image.SharedSize < 0 ? 0 : image.Size - image.SharedSize,
  );
  return {
    type: "Images",
    total: images.length,
    active: inUse.length,
    bytes: LayersSize,
    reclaimableBytes: LayersSize - bytesInUse,
  };
}

function containersSummary(containers: ListedContainer[]): KindUsage {
  const active = containers.filter(({ State }) => /^(running|paused|restarting)$/i.test(State));
  const bytes = sum(containers, ({ SizeRw }) => SizeRw ?? 0);
  return {
    type: "Containers",
    total: containers.length,
    active: active.length,
    bytes,
    reclaimableBytes: bytes - sum(active, ({ SizeRw }) => SizeRw ?? 0),
  };
}

function volumesSummary(volumes: UsedVolume[]): KindUsage {
  const used = volumes.map(({ UsageData }) => UsageData ?? { Size: 0, RefCount: 0 });
  const bytes = sum(used, ({ Size }) => Math.max(0, Size));
  const active = used.filter(({ RefCount }) => RefCount > 0);
  return {
    type: "Local Volumes",
    total: used.length,
    active: active.length,
    bytes,
    reclaimableBytes: bytes - sum(active, ({ Size }) => Math.max(0, Size)),
  };
}

function cacheSummary(cache: UsedCache[]): KindUsage {
  const own = cache.filter(({ Shared }) => !Shared);
  return {
    type: "Build Cache",
    total: cache.length,
    active: cache.filter(({ InUse }) => InUse).length,
    bytes: sum(own, ({ Size }) => Size),
    reclaimableBytes: sum(own, ({ Size, InUse }) => (InUse ? 0 : Size)),
  };
}

/** One row for each kind of thing. Pure. */
export function usageRows(kinds: KindUsage[]): Row[] {
  return kinds.map(({ type, total, active, bytes, reclaimableBytes }) => {
    const share = bytes > 0 && type !== "Build Cache" ? ` (${Math.trunc((reclaimableBytes * 100) / bytes)}%)` : "";
    return {
      Type: type,
      TotalCount: String(total),
      Active: String(active),
      Size: humanSize(bytes),
      Reclaimable: `${humanSize(reclaimableBytes)}${share}`,
    };
  });
}
