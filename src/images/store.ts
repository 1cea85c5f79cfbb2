import { invalid } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { chainIds } from "../formats/oci/chain-id.ts";
import type { Digest } from "../formats/oci/digest.ts";
import { encodeIndex } from "../formats/oci/manifest.ts";
import { MEDIA_TYPES } from "../formats/oci/media-types.ts";
import { canonicalReference, type Reference } from "../formats/reference/reference.ts";
import type { Content } from "../storage/content/content.ts";
import type { ImageRow, LayerRow } from "../storage/records/images.ts";
import type { Snapshots, StagedLayer } from "../storage/snapshots/snapshots.ts";
import type { Unpacked, Unpacker } from "../storage/snapshots/unpack/unpack.ts";
import { createCollector } from "./collect.ts";
import { createLeases, type Leases } from "./leases.ts";
import type { Entry, Library } from "./library.ts";

export interface StoreDeps {
  content: Content;
  snapshots: Snapshots;
  unpacker: Unpacker;
  library: Library;
  logger: Logger;
  /** Digests and chainIDs that others need (a build cache, a pull under way). */
  roots: () => Iterable<string>;
  failpoint: (name: string) => void;
}

/** A layer that is unpacked but has no place in a stack yet. */
export interface PreparedLayer {
  staged: StagedLayer;
  unpacked: Unpacked;
}

export interface InstallRequest {
  row: ImageRow;
  references: Reference[];
  /**
   * What the references name at their registry, or in the archive: manifest or index. Stored with each of them, and kept alive
   * while a reference has it.
   */
  target?: Digest;
  /** The target is an archive's: else the image is also known as `repo@<target>` in each repository of `references`. */
  fromArchive?: boolean;
  /** Layers that the caller has unpacked already, by diffID; each is used up by one place in the stack. */
  prepared?: Map<Digest, PreparedLayer>;
  signal: AbortSignal;
}

/** What stands behind the images: layers are unpacked and stacked, garbage is collected. For load, pull and build. */
export interface ImageStore {
  readonly leases: Leases;
  /** Unpacks a blob's file into a layer without a place. */
  prepare(path: string, signal: AbortSignal): Promise<PreparedLayer>;
  /**
   * Makes the image usable: config, manifest and layer blobs must be in content, and held. Missing layers are unpacked, each once
   * however many callers want it. Throws invalid-argument when a layer is not what config and manifest say.
   */
  install(request: InstallRequest): Promise<Entry>;
  /** Deletes blobs and layers that no image, lease or root refers to. Calls while one pass is under way share the next. */
  collect(): Promise<void>;
  /** Rewrites the layout's index after a change of images or names. */
  writeIndex(): Promise<void>;
}

export function createImageStore(deps: StoreDeps): ImageStore {
  const leases = createLeases();
  const unpacking = new Map<string, Promise<void>>();
  const prepare = (path: string, signal: AbortSignal) => prepareLayer(deps, path, signal);
  return {
    leases,
    prepare,
    async install(request) {
      const { row, target, signal } = request;
      const chain = chainIds(row.layers.map(({ diffId }) => diffId));
      const blobs = [row.id, row.manifestDigest, ...row.layers.map(({ digest }) => digest)];
      const release = leases.hold([...blobs, ...chain, ...(target === undefined ? [] : [target])]);
      try {
        let below: Promise<void> = Promise.resolve();
        const all: Promise<void>[] = [];
        for (const [index, chainId] of chain.entries()) {
          const parent = { chainId: chain[index - 1], ready: below };
          const layer = row.layers[index] as LayerRow;
          below = ensureLayer({ deps, unpacking, chainId, parent, layer, request });
          all.push(below);
        }
        const failed = (await Promise.allSettled(all)).find((result) => result.status === "rejected");
        if (failed !== undefined) throw failed.reason;
        signal.throwIfAborted();
        deps.failpoint("install.layers");
        return await deps.library.add(row, withDigests(request), target);
      } finally {
        release();
      }
    },
    collect: createCollector({ ...deps, leases }),
    writeIndex: () => deps.content.writeIndex(layoutIndex(deps)),
  };
}

/** Each repository's own name for the target. */
function withDigests({ references, target, fromArchive }: InstallRequest): Reference[] {
  if (target === undefined || fromArchive === true) return references;
  const digests = references.map(({ domain, path }) => ({ domain, path, digest: target }));
  return [...new Map([...references, ...digests].map((one) => [canonicalReference(one), one])).values()];
}

async function prepareLayer(
  { snapshots, unpacker }: StoreDeps,
  path: string,
  signal: AbortSignal,
): Promise<PreparedLayer> {
  const staged = await snapshots.stage();
  try {
    return { staged, unpacked: await unpacker.unpack(path, staged.path, signal) };
  } catch (error) {
    await staged.discard();
    throw error;
  }
}

interface EnsureLayer {
  deps: StoreDeps;
  unpacking: Map<string, Promise<void>>;
  chainId: Digest;
  parent: { chainId: Digest | undefined; ready: Promise<void> };
  layer: LayerRow;
  request: InstallRequest;
}

/** Joins whoever makes the same layer; if he fails (his client may have gone), it is this caller's turn. */
async function ensureLayer(ensure: EnsureLayer): Promise<void> {
  const { deps, unpacking, chainId } = ensure;
  while (!deps.snapshots.has(chainId)) {
    const other = unpacking.get(chainId);
    if (other === undefined) {
      const own = makeLayer(ensure).finally(() => unpacking.delete(chainId));
      unpacking.set(chainId, own);
      return own;
    }
    await other.catch(() => undefined);
    ensure.request.signal.throwIfAborted();
  }
}

/** Unpacking needs no parent and runs beside it; committing waits for it. */
async function makeLayer({ deps, chainId, parent, layer, request }: EnsureLayer): Promise<void> {
  const prepared = takePrepared(request, layer.diffId) ?? (await prepareFromContent(deps, layer, request.signal));
  const { staged, unpacked } = prepared;
  try {
    checkLayer(unpacked, layer);
    await Promise.all([deps.snapshots.sync(), parent.ready]);
    await staged.commit({
      chainId,
      parent: parent.chainId,
      sizeBytes: unpacked.fileBytes,
      impliedDirectories: unpacked.implied,
      synced: true,
    });
  } catch (error) {
    await staged.discard().catch(() => undefined);
    throw error;
  }
}

function takePrepared({ prepared }: InstallRequest, diffId: Digest): PreparedLayer | undefined {
  const found = prepared?.get(diffId);
  prepared?.delete(diffId);
  return found;
}

function prepareFromContent(deps: StoreDeps, { digest }: LayerRow, signal: AbortSignal): Promise<PreparedLayer> {
  const blob = deps.content.stat(digest);
  if (blob === undefined) throw invalid(`layer ${digest} is missing`);
  return prepareLayer(deps, blob.path, signal);
}

function checkLayer(unpacked: Unpacked, { diffId, digest, sizeBytes }: LayerRow): void {
  if (unpacked.digest !== digest || unpacked.sizeBytes !== sizeBytes) {
    throw invalid(`layer ${digest} of ${sizeBytes} bytes is really ${unpacked.digest} of ${unpacked.sizeBytes} bytes`);
  }
  if (unpacked.diffId !== diffId)
    throw invalid(`wrong diff id calculated on extraction ${JSON.stringify(unpacked.diffId)}`);
}

/** One entry for each name, and one for an image without any. */
function layoutIndex({ library, content }: StoreDeps): Uint8Array {
  return encodeIndex(
    library.entries().flatMap(({ row }) => {
      const blob = content.stat(row.manifestDigest);
      if (blob === undefined) return [];
      const descriptor = { mediaType: MEDIA_TYPES.ociManifest, digest: blob.digest, sizeBytes: blob.sizeBytes };
      const named = library.referencesOf(row.id).map((reference) => ({
        ...descriptor,
        annotations: nameAnnotations(reference),
      }));
      return named.length === 0 ? [{ ...descriptor, annotations: {} }] : named;
    }),
  );
}

export function nameAnnotations(reference: Reference): Record<string, string> {
  return {
    "io.containerd.image.name": canonicalReference(reference),
    ...(reference.tag === undefined ? {} : { "org.opencontainers.image.ref.name": reference.tag }),
  };
}
