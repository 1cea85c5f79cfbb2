import { invalid } from "../../base/errors.ts";
import type { CacheRecord } from "../../builder/builder.ts";
import type { Container } from "../../containers/containers.ts";
import type { DiskUsage, UsageKind, VolumeUsage } from "../../engine/disk-usage.ts";
import type { WireDiskUsage, WireUsage } from "../../wire/system.ts";
import type { WireVolume } from "../../wire/volumes.ts";
import { encodeSummary } from "../containers/encode-container.ts";
import { encodeImageSummary } from "../images/encode-image.ts";
import { atLeast } from "../version.ts";
import { encodeVolume } from "../volumes/encode-volume.ts";
import { encodeCacheRecord } from "./encode-cache-record.ts";

const KINDS: UsageKind[] = ["container", "image", "volume", "build-cache"];

/** `type` of `GET /system/df`, which came with 1.42: none means all. Throws invalid-argument for others. */
export function decodeUsageKinds(query: URLSearchParams, version: number): UsageKind[] {
  const given = atLeast(version, 42) ? query.getAll("type") : [];
  const kinds = given.map((text) => {
    const kind = KINDS.find((known) => known === text);
    if (kind === undefined) throw invalid(`unknown object type: ${text}`);
    return kind;
  });
  return kinds.length === 0 ? KINDS : kinds;
}

export interface DiskUsageView {
  kinds: UsageKind[];
  version: number;
  /** As the client gave it; undefined: not at all, so it is one that wants the older fields. */
  verbose: boolean | undefined;
  now: Date;
}

/** Since 1.52 there is a summary of each kind; the lists of older clients stay where `verbose` is not said. */
export function encodeDiskUsage(usage: DiskUsage, view: DiskUsageView): WireDiskUsage {
  const { version, verbose } = view;
  const lists = listsOf(usage, view);
  return {
    ...(atLeast(version, 52) && verbose !== undefined ? {} : legacyFields(usage, lists, view)),
    ...(atLeast(version, 52) ? summaries(usage, lists, view) : {}),
    ...(usage.directories === undefined
      ? {}
      : {
          Gantry: {
            Directories: usage.directories.map(({ path, purpose, bytes, entries }) => ({
              Path: path,
              Purpose: purpose,
              Bytes: bytes,
              Entries: entries,
            })),
            TotalBytes: sum(usage.directories, ({ bytes }) => bytes),
          },
        }),
  };
}

type Lists = ReturnType<typeof listsOf>;

function listsOf({ images, containers, volumes, buildCache }: DiskUsage, { version, now }: DiskUsageView) {
  return {
    images: images?.items.map((item) => encodeImageSummary(item.image, version, item)) ?? null,
    containers: containers?.map((container) => encodeSummary(container, version, now)) ?? null,
    volumes: volumes?.map(encodeVolumeUsage) ?? null,
    buildCache: buildCache?.map((record) => encodeCacheRecord(record, version)) ?? null,
  };
}

function encodeVolumeUsage({ volume, sizeBytes, references }: VolumeUsage): WireVolume {
  return { ...encodeVolume(volume), UsageData: { Size: sizeBytes, RefCount: references } };
}

function legacyFields({ images, buildCache = [] }: DiskUsage, lists: Lists, { version }: DiskUsageView): WireDiskUsage {
  return {
    LayersSize: images?.layersBytes ?? 0,
    Images: lists.images,
    Containers: lists.containers,
    Volumes: lists.volumes,
    BuildCache: lists.buildCache,
    ...(atLeast(version, 44) ? {} : { BuilderSize: cacheTotals(buildCache).TotalSize }),
  };
}

function summaries(usage: DiskUsage, lists: Lists, { verbose }: DiskUsageView): WireDiskUsage {
  const items = <Item>(list: Item[] | null) => (verbose === true ? { Items: list ?? [] } : {});
  const { images, containers, volumes, buildCache } = usage;
  return {
    ...(images === undefined
      ? {}
      : {
          ImageUsage: {
            ActiveCount: images.items.filter((item) => item.containers > 0).length,
            TotalCount: images.items.length,
            Reclaimable: images.reclaimableBytes,
            TotalSize: images.totalBytes,
            ...items(lists.images),
          },
        }),
    ...(containers === undefined
      ? {}
      : { ContainerUsage: { ...containerTotals(containers), ...items(lists.containers) } }),
    ...(volumes === undefined ? {} : { VolumeUsage: { ...volumeTotals(volumes), ...items(lists.volumes) } }),
    ...(buildCache === undefined
      ? {}
      : { BuildCacheUsage: { ...cacheTotals(buildCache), ...items(lists.buildCache) } }),
  };
}

function containerTotals(containers: Container[]): WireUsage<never> {
  const isActive = ({ state }: Container) => ["running", "paused", "restarting"].includes(state.status);
  const bytes = ({ sizes }: Container) => sizes?.writableBytes ?? 0;
  return {
    ActiveCount: containers.filter(isActive).length,
    TotalCount: containers.length,
    Reclaimable: sum(
      containers.filter((container) => !isActive(container)),
      bytes,
    ),
    TotalSize: sum(containers, bytes),
  };
}

function volumeTotals(volumes: VolumeUsage[]): WireUsage<never> {
  const unused = volumes.filter(({ references }) => references === 0);
  return {
    ActiveCount: volumes.length - unused.length,
    TotalCount: volumes.length,
    Reclaimable: sum(unused, ({ sizeBytes }) => sizeBytes),
    TotalSize: sum(volumes, ({ sizeBytes }) => sizeBytes),
  };
}

/** What an image has, too, takes nothing. */
function cacheTotals(records: CacheRecord[]): WireUsage<never> {
  const own = records.filter(({ shared }) => !shared);
  const bytes = ({ sizeBytes }: CacheRecord) => sizeBytes;
  return {
    ActiveCount: records.filter(({ inUse }) => inUse).length,
    TotalCount: records.length,
    Reclaimable: sum(
      own.filter(({ inUse }) => !inUse),
      bytes,
    ),
    TotalSize: sum(own, bytes),
  };
}

function sum<T>(items: T[], bytes: (item: T) => number): number {
  return items.reduce((total, item) => total + bytes(item), 0);
}
