import { chainIds } from "../formats/oci/chain-id.ts";
import { familiarReference } from "../formats/reference/reference.ts";
import type { Content } from "../storage/content/content.ts";
import type { Snapshots } from "../storage/snapshots/snapshots.ts";
import { blobsOf } from "./collect.ts";
import type { Image } from "./images.ts";
import type { Entry, Library } from "./library.ts";

export interface ImageUsage {
  image: Image;
  /** Of its layers, those that another image has, too. */
  sharedBytes: number;
  containers: number;
}

export interface ImagesUsage {
  items: ImageUsage[];
  /** Files of all layers, each layer once. */
  layersBytes: number;
  /** Layers and blobs. */
  totalBytes: number;
  /** What `prune` of all images would give back. */
  reclaimableBytes: number;
}

export interface UsageDeps {
  library: Library;
  content: Pick<Content, "list">;
  snapshots: Pick<Snapshots, "listLayers" | "layerBytes">;
  usedBy: (imageId: string) => { id: string }[];
  /** ChainIDs of layers that only the build cache has: they are counted there. */
  cachedLayers?: () => ReadonlySet<string>;
}

/** Exact, and from memory alone. `shown`: which images are listed; all of them count. */
export function imagesUsage(deps: UsageDeps, shown: (entry: Entry) => boolean): ImagesUsage {
  const { library, content, snapshots, usedBy } = deps;
  const entries = library.entries();
  const sizes = new Map<string, number>();
  let layersBytes = 0;
  const cached = deps.cachedLayers?.() ?? new Set<string>();
  for (const chainId of snapshots.listLayers()) {
    if (cached.has(chainId)) continue;
    const bytes = snapshots.layerBytes(chainId) ?? 0;
    sizes.set(layerKey(chainId), bytes);
    layersBytes += bytes;
  }
  let totalBytes = layersBytes;
  for (const { digest, sizeBytes } of content.list()) {
    sizes.set(digest, sizeBytes);
    totalBytes += sizeBytes;
  }
  const users = countUsers(entries);
  const items = entries.filter(shown).map((entry) => ({
    image: entry.view,
    sharedBytes: sharedBytes(entry, users),
    containers: usedBy(entry.row.id).length,
  }));
  const kept = new Set(entries.filter((entry) => isKept(deps, entry)).flatMap((entry) => keysOf(library, entry)));
  const keptBytes = [...kept].reduce((total, key) => total + (sizes.get(key) ?? 0), 0);
  return { items, layersBytes, totalBytes, reclaimableBytes: totalBytes - keptBytes };
}

/** A container uses it, or another image that has a name in common with it. */
function isKept({ library, usedBy }: UsageDeps, { row }: Entry): boolean {
  if (usedBy(row.id).length > 0) return true;
  const variants = library.referencesOf(row.id).flatMap((reference) => library.variants(familiarReference(reference)));
  return variants.some((variant) => usedBy(variant.row.id).length > 0);
}

/** A layer of one uncompressed blob has the same name as the blob. */
function layerKey(chainId: string): string {
  return `layer ${chainId}`;
}

function keysOf(library: Library, { row }: Entry): string[] {
  const targets = library.referencesOf(row.id).flatMap((reference) => {
    const target = library.targetOf(reference);
    return target === undefined ? [] : library.documentsOf(target);
  });
  return [...blobsOf(row), ...targets, ...chainOf(row).map(layerKey)];
}

function chainOf(row: Entry["row"]): string[] {
  return chainIds(row.layers.map(({ diffId }) => diffId));
}

/** How many images have each layer. */
function countUsers(entries: Entry[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { row } of entries)
    for (const chainId of chainOf(row)) counts.set(chainId, (counts.get(chainId) ?? 0) + 1);
  return counts;
}

function sharedBytes({ row, layerBytes }: Entry, users: Map<string, number>): number {
  return chainOf(row).reduce((total, id, at) => total + ((users.get(id) ?? 0) > 1 ? (layerBytes[at] ?? 0) : 0), 0);
}
