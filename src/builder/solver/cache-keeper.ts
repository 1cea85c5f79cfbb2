import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { sharePasses } from "../../base/share-passes.ts";
import { chainIds } from "../../formats/oci/chain-id.ts";
import type { ImagesService } from "../../images/create-images.ts";
import type { BuildCacheRow } from "../../storage/records/build-cache.ts";
import type { Snapshots } from "../../storage/snapshots/snapshots.ts";
import type { CacheRecord, PruneOptions } from "../builder.ts";
import type { KeptContext } from "../contexts/contexts.ts";
import type { TreeResult } from "../results.ts";
import type { BuildCache } from "./build-cache.ts";
import type { GcPolicy } from "./gc-policy.ts";
import { pruneTest } from "./prune-filters.ts";
import { privateBytes, selectRemovals } from "./select-removals.ts";

/** Records of the cache; beyond that the longest unused go, however small they are. */
const MAX_RECORDS = 50_000;
/** Of the limit: what must have come before it is looked for more that can go. */
const LOOK_AGAIN_SHARE = 0.02;
/** Sizes of contexts and cache mounts are measured by walking them: not after every build. */
const MEASURE_EVERY_MS = 60_000;

/** Something that builds keep for the next ones besides layers. */
export interface KeptThings {
  type: CacheRecord["type"];
  list: () => Promise<KeptContext[]>;
  /** Throws conflict where it is in use. */
  remove: (id: string) => Promise<void>;
}

export interface CacheKeeperDeps {
  cache: BuildCache;
  /** Contexts and cache mounts. */
  kept: KeptThings[];
  images: Pick<ImagesService, "store" | "library">;
  snapshots: Pick<
    Snapshots,
    "has" | "layerBytes" | "layerStack" | "listLayers" | "listActive" | "stackOf" | "freedBytes"
  >;
  policy: GcPolicy;
  clock: Clock;
  logger: Logger;
  failpoint: (name: string) => void;
}

export interface Pruned {
  removed: CacheRecord[];
  /**
   * Of files that are really gone: of a context or layer, those that nothing else had a name of by then. What is removed together
   * counts once.
   */
  reclaimedBytes: number;
}

/** What the cache takes, and giving it back: when somebody asks, and when it grows beyond its limit. */
export interface CacheKeeper {
  list(): Promise<CacheRecord[]>;
  prune(options: PruneOptions, report?: (record: CacheRecord) => void): Promise<Pruned>;
  /** The cache has a new result. Where it is too large by now the policy is carried out, in the background, while builds go on. */
  grown: (result: TreeResult) => void;
  /** Contexts and cache mounts may have grown, too. */
  buildEnded(): void;
  /** What was shared with the image may take space of the cache's own now. */
  imageRemoved(): void;
  /** Resolves when what these have begun is over. */
  settled(): Promise<void>;
  /** ChainIDs of layers that only the cache has. */
  ownLayers(): Set<string>;
  /** Descriptions of the records of a layer. */
  recordsOf(chainId: string): string[];
}

export function createCacheKeeper(deps: CacheKeeperDeps): CacheKeeper {
  const { policy, snapshots, clock } = deps;
  const sweeper = createSweeper(deps);
  const limitBytes = Math.min(...policy.rules.map(({ keepStorageBytes = 0 }) => keepStorageBytes));
  /** At most so much: what was measured last, and what came since. */
  let knownBytes = Number.POSITIVE_INFINITY;
  let keptBytes = 0;
  let grownBytes = 0;
  let measuredAtMs = Number.NEGATIVE_INFINITY;
  let enforcing: Promise<void> = Promise.resolve();
  const enforce = sharePasses(async () => {
    measuredAtMs = clock.monotonicMs();
    knownBytes = grownBytes = 0;
    for (const rule of policy.rules) await prune(deps, rule, () => {});
    await dropSurplus(deps);
    const records = await listRecords(deps);
    const layersBytes = ownLayersBytes(deps);
    keptBytes = records.reduce((total, record) => total + privateBytes(record), 0) - layersBytes;
    knownBytes += layersBytes + keptBytes;
  });
  const begin = () => {
    enforcing = enforce().catch((error: unknown) =>
      deps.logger.error("keeping the build cache within its limit", { error: messageOf(error) }),
    );
  };
  return {
    list: () => listRecords(deps),
    async prune(options, report = () => {}) {
      const { removed, keptBytes: ofKept, layers } = await prune(deps, options, report);
      return { removed, reclaimedBytes: ofKept + (await snapshots.freedBytes(layers)) };
    },
    grown({ chainId }) {
      const bytes = chainId === undefined ? 0 : (snapshots.layerBytes(chainId) ?? 0);
      knownBytes += bytes;
      grownBytes += bytes;
      // Where everything is in use, looking again and again would find nothing.
      if (knownBytes > limitBytes && grownBytes >= limitBytes * LOOK_AGAIN_SHARE) begin();
    },
    buildEnded() {
      sweeper.buildEnded();
      if (knownBytes > limitBytes || clock.monotonicMs() - measuredAtMs > MEASURE_EVERY_MS) begin();
    },
    imageRemoved() {
      knownBytes = ownLayersBytes(deps) + keptBytes;
      if (knownBytes > limitBytes) begin();
    },
    settled: async () => void (await Promise.all([enforcing, sweeper.settled()])),
    recordsOf: (chainId) =>
      layerRecords(deps).flatMap((one) => (one.chainId === chainId ? [one.record.description] : [])),
    ownLayers: () => new Set([...layerRecords(deps), ...orphanedBases(deps)].flatMap(ownLayer)),
  };
}

/** Takes away, when a build is over, what it has put others in the place of, and what was let lie because it was held. */
function createSweeper({ cache, images: { store }, logger }: CacheKeeperDeps) {
  let sweeping: Promise<void> = Promise.resolve();
  return {
    buildEnded() {
      const isDisplaced = cache.takeDisplaced();
      if (!isDisplaced && !store.hasPassedOver()) return;
      sweeping = store
        .collect()
        .catch((error: unknown) => logger.error("removing what builds have left", { error: messageOf(error) }));
    },
    settled: () => sweeping,
  };
}

function ownLayersBytes(deps: CacheKeeperDeps): number {
  const listed = [...layerRecords(deps), ...orphanedBases(deps)];
  return listed.reduce((total, { record }) => total + privateBytes(record), 0);
}

function ownLayer({ record, chainId }: Listed): string[] {
  return record.shared ? [] : [chainId];
}

/** A record with what it stands for: a key of the cache, or a thing that is kept; neither for a base that goes by itself. */
interface Listed {
  record: CacheRecord;
  chainId: string;
  key: string | undefined;
  kept: KeptThings | undefined;
}

async function listAll(deps: CacheKeeperDeps): Promise<Listed[]> {
  const others = deps.kept.map(async (kept) => (await kept.list()).map((thing) => keptRecord(kept, thing)));
  return [...layerRecords(deps), ...orphanedBases(deps), ...(await Promise.all(others)).flat()];
}

async function listRecords(deps: CacheKeeperDeps): Promise<CacheRecord[]> {
  return (await listAll(deps)).map(({ record }) => record);
}

function keptRecord(kept: KeptThings, thing: KeptContext): Listed {
  const { id, description, inUse, sizeBytes, createdAt, lastUsedAt } = thing;
  const record = {
    id,
    description,
    inUse,
    sizeBytes,
    createdAt,
    lastUsedAt,
    parents: [],
    shared: false,
    usageCount: 1,
  };
  return { record: { ...record, type: kept.type }, chainId: "", key: undefined, kept };
}

/** Several keys may stand for one layer: it counts for the oldest of them. */
function layerRecords(deps: CacheKeeperDeps): Listed[] {
  const { cache, images, snapshots } = deps;
  const rows = cache.rows().filter(({ chainId }) => chainId === "" || snapshots.has(chainId));
  rows.sort((left, right) => left.createdAtMs - right.createdAtMs || left.key.localeCompare(right.key));
  const inImages = imageLayers(deps);
  const owners = new Map<string, BuildCacheRow>();
  for (const row of rows) if (row.layers.length > 0 && !owners.has(row.chainId)) owners.set(row.chainId, row);
  return rows.map((row) => {
    const { key, chainId, parentChainId, description, createdAtMs, lastUsedAtMs, usageCount } = row;
    const isOwner = owners.get(chainId) === row;
    // What stands for another's layer, or adds none, goes before it.
    const parent = owners.get(isOwner ? (parentChainId ?? "") : chainId);
    const record: CacheRecord = {
      id: recordId(key),
      parents: parent === undefined ? [] : [recordId(parent.key)],
      type: "regular",
      description,
      inUse: images.store.leases.has(chainId),
      shared: inImages.has(chainId),
      sizeBytes: isOwner ? (snapshots.layerBytes(chainId) ?? 0) : 0,
      createdAt: new Date(createdAtMs),
      lastUsedAt: new Date(lastUsedAtMs),
      usageCount,
    };
    return { record, chainId, key, kept: undefined };
  });
}

/** Layers of images that were removed while cached steps stand on them. They go with the last of those. */
function orphanedBases(deps: CacheKeeperDeps): Listed[] {
  const { cache, snapshots } = deps;
  const rows = cache.rows();
  const known = new Set(rows.map(({ chainId }) => chainId));
  const bases = new Set(rows.flatMap(({ parentChainId }) => parentChainId ?? []).filter((id) => !known.has(id)));
  const below = new Set([...bases].flatMap((id) => snapshots.layerStack(id)).filter((id) => !known.has(id)));
  if (below.size === 0) return [];
  for (const chainId of imageLayers(deps)) below.delete(chainId);
  for (const key of snapshots.listActive()) for (const chainId of stackOf(snapshots, key)) below.delete(chainId);
  return [...below].map((chainId) => ({
    record: {
      id: recordId(chainId),
      parents: [],
      type: "internal",
      description: "layer of an image that was removed; cached steps stand on it",
      inUse: false,
      shared: false,
      sizeBytes: snapshots.layerBytes(chainId) ?? 0,
      createdAt: new Date(0),
      lastUsedAt: undefined,
      usageCount: 0,
    },
    chainId,
    key: undefined,
    kept: undefined,
  }));
}

/** Empty for a container that is being removed. */
function stackOf(snapshots: CacheKeeperDeps["snapshots"], key: string): string[] {
  try {
    return snapshots.stackOf(key);
  } catch {
    return [];
  }
}

function imageLayers({ images }: CacheKeeperDeps): Set<string> {
  const rows = [...images.library.entries().map(({ row }) => row), ...images.library.damaged()];
  return new Set(rows.flatMap(({ layers }) => chainIds(layers.map(({ diffId }) => diffId))));
}

/** As long as BuildKit's, which people copy from `du` to `prune --filter id=`. */
function recordId(key: string): string {
  return key.slice("sha256:".length).slice(0, 25);
}

interface Removed {
  removed: CacheRecord[];
  /** Of contexts and cache mounts. */
  keptBytes: number;
  /** That went with them. */
  layers: string[];
}

async function prune(
  deps: CacheKeeperDeps,
  options: PruneOptions,
  report: (record: CacheRecord) => void,
): Promise<Removed> {
  const { cache, images, snapshots, clock } = deps;
  const mayGo = pruneTest(options, clock.now());
  const listed = await listAll(deps);
  const byRecord = new Map(listed.map((one) => [one.record, one]));
  const chosen = selectRemovals(
    listed.map(({ record }) => record),
    {
      isCandidate: (record) => isRemovable(byRecord.get(record)) && mayGo(record),
      keepBytes: options.keepStorageBytes ?? -1,
    },
  );
  if (chosen.length === 0) return { removed: [], keptBytes: 0, layers: [] };
  const before = snapshots.listLayers();
  const removed: CacheRecord[] = [];
  let keptBytes = 0;
  for (const record of chosen) {
    const { key, kept, chainId } = byRecord.get(record) as Listed;
    // A build may have come to it while kept things were listed or removed.
    if (key !== undefined && images.store.leases.has(chainId)) continue;
    if (kept !== undefined && !(await removeKept(deps, kept, record))) continue;
    if (key !== undefined) cache.remove([key]);
    if (kept !== undefined) keptBytes += privateBytes(record);
    removed.push(record);
    report(record);
  }
  cache.flush();
  deps.failpoint("cache.pruned");
  await images.store.collect();
  return { removed, keptBytes, layers: before.filter((chainId) => !snapshots.has(chainId)) };
}

function isRemovable(listed: Listed | undefined): boolean {
  return listed?.key !== undefined || listed?.kept !== undefined;
}

async function removeKept({ logger }: CacheKeeperDeps, kept: KeptThings, { id }: CacheRecord): Promise<boolean> {
  try {
    await kept.remove(id);
    return true;
  } catch (error) {
    logger.debug("something of the build cache stays", { id, error: messageOf(error) });
    return false;
  }
}

/** Records without layers of their own take no space and are never too many for the limit in bytes. */
async function dropSurplus({ cache, images }: CacheKeeperDeps): Promise<void> {
  const rows = cache.rows();
  const surplus = rows.length - MAX_RECORDS;
  if (surplus <= 0) return;
  rows.sort((left, right) => left.lastUsedAtMs - right.lastUsedAtMs);
  cache.remove(rows.slice(0, surplus).map(({ key }) => key));
  await images.store.collect();
}
