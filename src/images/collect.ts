import { setImmediate } from "node:timers/promises";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { sharePasses } from "../base/share-passes.ts";
import { chainIds } from "../formats/oci/chain-id.ts";
import type { Digest } from "../formats/oci/digest.ts";
import type { Content } from "../storage/content/content.ts";
import type { ImageRow } from "../storage/records/images.ts";
import type { Snapshots } from "../storage/snapshots/snapshots.ts";
import type { Leases } from "./leases.ts";
import type { Library } from "./library.ts";

export interface CollectDeps {
  content: Content;
  snapshots: Snapshots;
  library: Library;
  leases: Leases;
  logger: Logger;
  /** Digests and chainIDs that others need (a build cache, a pull under way). */
  roots: () => Iterable<string>;
  failpoint: (name: string) => void;
}

/** Removals in one turn of the event loop: renames of some ten microseconds each. */
const TURN_REMOVALS = 50;
/** Deleted files whose space is waited for at once. */
const PARALLEL_DELETIONS = 8;

export interface Collector {
  /**
   * Deletes blobs and layers that no image, lease or root refers to. Whatever is held at any moment of it stays: its holder may have
   * made an image of it since. One runs at a time; those who call meanwhile share the next.
   */
  collect(): Promise<void>;
  /** Whether the last collection let something lie that was only held: when its holder is done, it may be garbage. */
  hasPassedOver(): boolean;
}

export function createCollector(deps: CollectDeps): Collector {
  let passedOver = false;
  const collectOnce = sharePasses(async () => {
    passedOver = await collect(deps);
  });
  return { collect: collectOnce, hasPassedOver: () => passedOver };
}

/** True: something that nobody needs was held. */
async function collect(deps: CollectDeps): Promise<boolean> {
  const { content, leases, library, roots } = deps;
  using held = leases.watch();
  const needed = neededKeys(library, roots());
  let passedOver = false;
  const isIdle = (key: string) => {
    if (!held.has(key)) return true;
    passedOver = true;
    return false;
  };
  const isIdleBlob = (key: string) => !needed.blobs.has(key) && isIdle(key);
  await removeBlobs(
    deps,
    content
      .list()
      .map(({ digest }) => digest)
      .filter(isIdleBlob),
    isIdleBlob,
  );
  await removeLayers(deps, (key) => !needed.layers.has(key) && isIdle(key));
  return passedOver;
}

/** A base layer's chainID is the digest of its plain tar: an image may need the layer and not the blob of that name. */
export interface NeededKeys {
  /** Digests. */
  blobs: Set<string>;
  /** ChainIDs. */
  layers: Set<string>;
}

/** Digests of blobs and chainIDs of layers that an image or a name has, damaged ones too, and what others asked for. */
export function neededKeys(library: Library, roots: Iterable<string>): NeededKeys {
  const others = [...roots];
  const rows = [...library.entries().map(({ row }) => row), ...library.damaged()];
  return {
    blobs: new Set([...others, ...library.targets(), ...rows.flatMap(blobsOf)]),
    layers: new Set([...others, ...rows.flatMap(chainOf)]),
  };
}

/** What an image stands on. */
export function keysOf(row: ImageRow): string[] {
  return [...blobsOf(row), ...chainOf(row)];
}

function chainOf({ layers }: ImageRow): string[] {
  return chainIds(layers.map(({ diffId }) => diffId));
}

/** Config, manifest and layers as they were transferred. */
export function blobsOf({ id, manifestDigest, layers }: ImageRow): Digest[] {
  return [id, manifestDigest, ...layers.map(({ digest }) => digest)];
}

type Removable = (key: string) => boolean;

/** The check and the removal are one turn: nobody can take a blob into use in between. */
async function removeBlobs(
  { content, failpoint }: CollectDeps,
  digests: Parameters<Content["remove"]>[0][],
  isGarbage: Removable,
): Promise<void> {
  let deletions: Promise<void>[] = [];
  for (const [at, digest] of digests.entries()) {
    if (!isGarbage(digest)) continue;
    deletions.push(content.remove(digest));
    failpoint("collect.blob");
    if (deletions.length >= PARALLEL_DELETIONS) {
      await Promise.all(deletions);
      deletions = [];
    }
    if (at % TURN_REMOVALS === 0) await setImmediate();
  }
  await Promise.all(deletions);
}

/** Children go before their parents: each pass frees the next ones. A layer below a container stays. */
async function removeLayers({ snapshots, logger, failpoint }: CollectDeps, isGarbage: Removable): Promise<void> {
  let left = snapshots.listLayers().filter(isGarbage);
  for (let removed = 1; removed > 0; ) {
    removed = 0;
    const stay: string[] = [];
    for (const [at, chainId] of left.entries()) {
      if (at % TURN_REMOVALS === TURN_REMOVALS - 1) await setImmediate();
      if (!isGarbage(chainId)) continue;
      if (snapshots.isUsed(chainId)) {
        stay.push(chainId);
        continue;
      }
      try {
        await snapshots.removeLayer(chainId);
        failpoint("collect.layer");
        removed++;
      } catch (error) {
        logger.warn("removing a layer", { chainId, error: messageOf(error) });
      }
    }
    left = stay;
  }
}
