import { invalid, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { sharePasses } from "../base/share-passes.ts";
import { SharedJobs } from "../base/shared-jobs.ts";
import { chainIds } from "../formats/oci/chain-id.ts";
import type { Digest } from "../formats/oci/digest.ts";
import { encodeIndex } from "../formats/oci/manifest.ts";
import { MEDIA_TYPES } from "../formats/oci/media-types.ts";
import { canonicalReference, type Reference } from "../formats/reference/reference.ts";
import type { Content } from "../storage/content/content.ts";
import type { ImageRow, LayerRow } from "../storage/records/images.ts";
import type { Snapshots, StagedLayer } from "../storage/snapshots/snapshots.ts";
import type { Unpacked, UnpackOptions, Unpacker } from "../storage/snapshots/unpack/unpack.ts";
import { createMaterializer, type Materializer } from "./built/materialize.ts";
import { blobsOf, type Collector, createCollector, type NeededKeys, neededKeys } from "./collect.ts";
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
  /** Brings and unpacks a layer that is missing; absent: its blob is in content. Its blob must be in content, and held, afterwards. */
  fetch?: (layer: LayerRow, signal: AbortSignal) => Promise<PreparedLayer>;
  /** The layer at this place of the stack, base first, is there now and was not before. */
  onLayer?: (index: number) => void;
  signal: AbortSignal;
}

/** What stands behind the images: layers are unpacked and stacked, garbage is collected. For load, pull and build. */
export interface ImageStore extends Materializer, Collector {
  readonly leases: Leases;
  /** Unpacks a blob's file into a layer without a place. */
  prepare(path: string, options: UnpackOptions): Promise<PreparedLayer>;
  /**
   * Makes the image usable: config, manifest and layer blobs must be in content, and held; of layers that were built here the
   * committed snapshot is enough. Missing layers are unpacked, each once however many callers want it. Throws invalid-argument when a layer is not what config and manifest say.
   */
  install(request: InstallRequest): Promise<Entry>;
  /**
   * Makes layers usable without an image, as `install` does. The caller holds their digests and chainIDs, base first, from before
   * the call on.
   */
  bring(layers: LayerRow[], request: Pick<InstallRequest, "fetch" | "signal">): Promise<void>;
  /** Unpacks the layers that an unclean end of the machine has taken, from their blobs. Throws when that cannot be. */
  restore(row: ImageRow): Promise<void>;
  /** Digests and chainIDs that an image, a name or a root refers to; what is leased comes on top. */
  needed(): NeededKeys;
  /** Rewrites the layout's index after a change of images or names. */
  writeIndex(): Promise<void>;
}

/** Nobody waits for what is mended at start. */
const NEVER = new AbortController().signal;

export function createImageStore(deps: StoreDeps): ImageStore {
  const leases = createLeases();
  /** As the layout's index is on the disk; empty: not known. */
  let written: Uint8Array = new Uint8Array();
  const unpacking = new SharedJobs<void>();
  const prepare = (path: string, options: UnpackOptions) => prepareLayer(deps, path, options);
  const collector = createCollector({ ...deps, leases });
  const collect = () => collector.collect();
  const sweep = () =>
    void collect().catch((error: unknown) =>
      deps.logger.error("removing what a pull left", { error: messageOf(error) }),
    );
  return {
    leases,
    prepare,
    ...createMaterializer(deps),
    async install(request) {
      const { row, target, signal } = request;
      const { layers } = row;
      const chain = chainOf(layers);
      const release = leases.hold([...blobsOf(row), ...chain, ...(target === undefined ? [] : [target])]);
      try {
        await ensureLayers({ deps, unpacking, chain, request: { ...request, layers }, sweep });
        signal.throwIfAborted();
        deps.failpoint("install.layers");
        const entry = await deps.library.add(row, withDigests(request), target);
        deps.failpoint("install.recorded");
        return entry;
      } finally {
        release();
      }
    },
    bring: (layers, request) =>
      ensureLayers({ deps, unpacking, chain: chainOf(layers), request: { ...request, layers }, sweep }),
    restore: ({ layers }) =>
      ensureLayers({ deps, unpacking, chain: chainOf(layers), request: { layers, signal: NEVER }, sweep }),
    needed: () => neededKeys(deps.library, deps.roots()),
    ...collector,
    // One at a time: an older list must not replace a newer one.
    writeIndex: sharePasses(async () => {
      const index = layoutIndex(deps);
      if (Buffer.compare(index, written) === 0) return;
      await deps.content.writeIndex(index);
      written = index;
    }),
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
  options: UnpackOptions,
): Promise<PreparedLayer> {
  const staged = await snapshots.stage();
  try {
    return { staged, unpacked: await unpacker.unpack(path, staged.path, options) };
  } catch (error) {
    await staged.discard();
    throw error;
  }
}

function chainOf(layers: LayerRow[]): Digest[] {
  return chainIds(layers.map(({ diffId }) => diffId));
}

type StackRequest = Pick<InstallRequest, "prepared" | "fetch" | "onLayer" | "signal"> & { layers: LayerRow[] };

/** An image's layers on their way to being there. */
interface LayerStack {
  deps: StoreDeps;
  unpacking: SharedJobs<void>;
  chain: Digest[];
  request: StackRequest;
  /** Collects garbage, in the background. */
  sweep: () => void;
}

/** All at once. The first that fails stops the rest, and is what is thrown. */
async function ensureLayers(stack: LayerStack): Promise<void> {
  const { deps, chain, request } = stack;
  const stop = new AbortController();
  const signal = AbortSignal.any([request.signal, stop.signal]);
  const one = async (chainId: Digest, index: number) => {
    const { digest } = request.layers[index] as LayerRow;
    const isUnpacked = deps.snapshots.has(chainId);
    if (isUnpacked && (request.fetch === undefined || deps.content.has(digest))) return;
    await (isUnpacked ? fetchBlob(stack, index, signal) : ensureLayer(stack, index, signal));
    request.onLayer?.(index);
  };
  const results = chain.map((chainId, index) =>
    one(chainId, index).catch((error: unknown) => {
      stop.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(results);
  if (stop.signal.aborted) throw stop.signal.reason;
}

/** The layer came from elsewhere, in another compression: the manifest's own blob is needed, too. It is unpacked to be verified. */
async function fetchBlob({ request }: LayerStack, index: number, signal: AbortSignal): Promise<void> {
  const layer = request.layers[index] as LayerRow;
  const fetched = await request.fetch?.(layer, signal);
  await fetched?.staged.discard();
  if (fetched !== undefined) checkLayer(fetched.unpacked, layer);
}

/** Joins whoever makes the same layer; where he fails (his registry may be another one), it is this caller's turn. */
async function ensureLayer(stack: LayerStack, index: number, signal: AbortSignal): Promise<void> {
  const { deps, unpacking, chain } = stack;
  const chainId = chain[index] as Digest;
  while (!deps.snapshots.has(chainId)) {
    const joined = unpacking.has(chainId);
    const result = unpacking.run(chainId, signal, (own) =>
      makeLayer(stack, index, own).finally(() => {
        // Those who gave up have left before; what it did to its end is nobody's.
        if (own.aborted) stack.sweep();
      }),
    );
    if (!joined) return result;
    await result.catch(() => signal.throwIfAborted());
  }
}

/** Unpacking needs no parent and runs beside it; committing waits for it. */
async function makeLayer(stack: LayerStack, index: number, signal: AbortSignal): Promise<void> {
  const { deps, chain, request } = stack;
  const layer = request.layers[index] as LayerRow;
  const fetch = request.fetch ?? ((wanted: LayerRow) => prepareFromContent(deps, wanted, signal));
  const prepared = takePrepared(request, layer.diffId) ?? (await fetch(layer, signal));
  const { staged, unpacked } = prepared;
  try {
    checkLayer(unpacked, layer);
    if (index > 0) await ensureLayer(stack, index - 1, signal);
    await staged.commit({
      chainId: chain[index] as Digest,
      parent: chain[index - 1],
      sizeBytes: unpacked.fileBytes,
      impliedDirectories: unpacked.implied,
    });
    deps.failpoint("install.layer");
  } catch (error) {
    await staged.discard().catch(() => undefined);
    throw error;
  }
}

function takePrepared({ prepared }: StackRequest, diffId: Digest): PreparedLayer | undefined {
  const found = prepared?.get(diffId);
  prepared?.delete(diffId);
  return found;
}

function prepareFromContent(deps: StoreDeps, { digest }: LayerRow, signal: AbortSignal): Promise<PreparedLayer> {
  const blob = deps.content.stat(digest);
  if (blob === undefined) throw invalid(`layer ${digest} is missing`);
  return prepareLayer(deps, blob.path, { signal });
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
      // An image that was built here and has not left yet has no archives: to others it is not in the layout.
      if (blob === undefined || row.layers.some(({ digest }) => !content.has(digest))) return [];
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
