import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import type { BuildCacheRecords, BuildCacheRow } from "../../storage/records/build-cache.ts";
import type { LayerRow } from "../../storage/records/images.ts";
import type { Snapshots } from "../../storage/snapshots/snapshots.ts";
import type { TreeResult } from "../results.ts";
import { chainOn } from "./vertex-keys.ts";

/** Changes are written together, so long after the first of them. A kill loses them: what they stood for is made again. */
const WRITE_AFTER_MS = 50;

export interface BuildCacheDeps {
  records: BuildCacheRecords;
  snapshots: Pick<Snapshots, "has">;
  clock: Clock;
  logger: Logger;
}

/** What a step adds to its base, for `put`. */
export interface CacheEntry {
  key: string;
  base: TreeResult;
  result: TreeResult;
  description: string;
}

/**
 * Results of build steps by their keys, all in memory. Layers of the records are kept by the image store (`roots`); of one whose
 * layer is gone all the same, nothing is found.
 */
export interface BuildCache {
  /** The result on `base`, whose chainID is part of the key. Counts as used. undefined: none, or its layers are not there any more. */
  find(key: string, base: TreeResult): TreeResult | undefined;
  put(entry: CacheEntry): void;
  /** Whether a record has got another result since this was asked: the layers that it had may be nobody's now. */
  takeDisplaced(): boolean;
  rows(): BuildCacheRow[];
  remove(keys: Iterable<string>): void;
  /** ChainIDs of layers, and digests of blobs that no image need have. */
  roots(): string[];
  /** Writes what is not written yet. */
  flush(): void;
}

export function createBuildCache(deps: BuildCacheDeps): BuildCache {
  const { records, snapshots, clock } = deps;
  const stored = records.all();
  const alive = stored.filter(({ chainId }) => snapshots.has(chainId));
  const rows = new Map(alive.map((row) => [row.key, row]));
  const writer = createWriter(deps, rows);
  let displaced = false;
  const remove = (key: string) => {
    if (rows.delete(key)) writer.changed(key);
  };
  for (const { key } of stored) if (!rows.has(key)) writer.changed(key);
  return {
    find(key, base) {
      const row = rows.get(key);
      if (row === undefined) return undefined;
      if (!snapshots.has(row.chainId) || !standsOn(row, base)) {
        remove(key);
        return undefined;
      }
      rows.set(key, { ...row, lastUsedAtMs: clock.now().getTime(), usageCount: row.usageCount + 1 });
      writer.changed(key);
      return resultOf(row, base);
    },
    put(entry) {
      const row = rowOf(entry, clock.now().getTime());
      const before = rows.get(entry.key);
      if (before !== undefined && before.chainId !== row.chainId) displaced = true;
      rows.set(entry.key, row);
      writer.changed(entry.key);
    },
    takeDisplaced() {
      const taken = displaced;
      displaced = false;
      return taken;
    },
    rows: () => [...rows.values()],
    remove: (keys) => {
      for (const key of keys) remove(key);
    },
    roots: () =>
      Array.from(rows.values(), ({ layers, chainId }) =>
        layers.length === 0
          ? []
          : [chainId, ...layers.filter((layer) => layer.digest !== layer.diffId).map(digestOfRow)],
      ).flat(),
    flush: writer.flush,
  };
}

function digestOfRow({ digest }: LayerRow): string {
  return digest;
}

function rowOf({ key, base, result, description }: CacheEntry, nowMs: number): BuildCacheRow {
  return {
    key,
    chainId: result.chainId ?? "",
    parentChainId: base.chainId,
    layers: result.layers.slice(base.layers.length),
    description,
    createdAtMs: result.createdAt.getTime(),
    lastUsedAtMs: nowMs,
    usageCount: 1,
  };
}

/** A record is only believed where its layers really give its stack: a damaged one must not put other files into an image. */
function standsOn({ chainId, layers }: BuildCacheRow, base: TreeResult): boolean {
  return chainOn(base.chainId, layers) === chainId;
}

function resultOf({ chainId, layers, createdAtMs }: BuildCacheRow, base: TreeResult): TreeResult {
  return {
    kind: "tree",
    layers: [...base.layers, ...layers],
    chainId,
    createdAt: new Date(createdAtMs),
    added: layers.at(-1),
  };
}

/** Gathers changed keys and writes their rows, or that they are gone, as they are by then. */
function createWriter({ records, logger }: BuildCacheDeps, rows: Map<string, BuildCacheRow>) {
  const changed = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    const keys = [...changed];
    changed.clear();
    if (keys.length === 0) return;
    try {
      records.write({
        put: keys.flatMap((key) => rows.get(key) ?? []),
        deleted: keys.filter((key) => !rows.has(key)),
      });
    } catch (error) {
      // A full disk: what is in memory still serves this daemon.
      logger.warn("writing records of the build cache", { error: messageOf(error) });
    }
  };
  return {
    changed(key: string) {
      changed.add(key);
      timer ??= setTimeout(flush, WRITE_AFTER_MS);
    },
    flush,
  };
}
