import { invalid, isKind } from "../../base/errors.ts";
import { KeyedQueue } from "../../base/keyed-queue.ts";
import { createSemaphore } from "../../base/semaphore.ts";
import { algorithmOf, type Digest } from "../../formats/oci/digest.ts";
import type { Repository } from "../../registry/client/registry-client.ts";
import type { Content, PartialIngest } from "../../storage/content/content.ts";
import type { LayerRow } from "../../storage/records/images.ts";
import type { ImageStore, PreparedLayer } from "../store.ts";
import { type DownloadDeps, download } from "./download.ts";
import { createGrowingFile } from "./growing-file.ts";

export type LayerState =
  | { state: "downloading" | "extracting"; currentBytes: number }
  | { state: "retrying"; delayMs: number }
  | { state: "downloaded" };

export interface LayerFetcher {
  /** Brings a layer's blob into content, verified, and unpacks it while it arrives. What has arrived stays for another attempt. */
  fetch(layer: LayerRow, repository: Repository, signal: AbortSignal): Promise<PreparedLayer>;
  /** What happens to a layer's blob, whoever fetches it. Returns the end of it. */
  watch(digest: Digest, listener: (state: LayerState) => void): () => void;
}

export interface LayerFetcherDeps extends DownloadDeps {
  content: Content;
  store: ImageStore;
  maxDownloads: number;
}

export function createLayerFetcher(deps: LayerFetcherDeps): LayerFetcher {
  const watchers = new Map<Digest, Set<(state: LayerState) => void>>();
  const blobs = new KeyedQueue();
  const slots = createSemaphore(deps.maxDownloads);
  const report = (digest: Digest, state: LayerState) => {
    for (const listener of watchers.get(digest) ?? []) listener(state);
  };
  return {
    // Two images may have one blob at different places of their stacks: the second finds it in content.
    fetch: (layer, repository, signal) =>
      blobs.run(layer.digest, () =>
        fetchLayer({ ...deps, slots, report: (state) => report(layer.digest, state) }, { layer, repository, signal }),
      ),
    watch(digest, listener) {
      const listeners = watchers.get(digest) ?? new Set();
      watchers.set(digest, listeners.add(listener));
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) watchers.delete(digest);
      };
    },
  };
}

interface Fetching extends LayerFetcherDeps {
  slots: ReturnType<typeof createSemaphore>;
  report: (state: LayerState) => void;
}

async function fetchLayer(
  fetching: Fetching,
  request: { layer: LayerRow; repository: Repository; signal: AbortSignal },
): Promise<PreparedLayer> {
  const { content, store, report } = fetching;
  const { layer, signal } = request;
  signal.throwIfAborted();
  const algorithm = algorithmOf(layer.digest);
  const onProgress = (currentBytes: number) => report({ state: "extracting", currentBytes });
  const known = content.stat(layer.digest);
  if (known !== undefined) return store.prepare(known.path, { signal, algorithm, onProgress });
  const partial = await openPartial(content, layer);
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const growth = createGrowingFile(partial.sizeBytes);
  const downloading = downloadInto(fetching, { ...request, partial, growth, signal: both });
  // Who unpacks need not wait for what will not come.
  downloading.catch((error: unknown) => stop.abort(error));
  let prepared: PreparedLayer | undefined;
  try {
    prepared = await store.prepare(partial.path, { signal: both, algorithm, growth, onProgress });
    await downloading;
    if (prepared.unpacked.digest !== layer.digest) {
      throw invalid(`filesystem layer verification failed for digest ${layer.digest}`);
    }
    await partial.commitVerified({ digest: layer.digest, sizeBytes: layer.sizeBytes });
    return prepared;
  } catch (error) {
    stop.abort(error);
    await downloading.catch(() => undefined);
    await prepared?.staged.discard();
    await (isRubbish(error) ? partial.discard() : partial.suspend());
    throw error;
  }
}

/** More than there can be is of something else. */
async function openPartial(content: Content, { digest, sizeBytes }: LayerRow): Promise<PartialIngest> {
  const partial = await content.partials.open(digest);
  if (partial.sizeBytes <= sizeBytes) return partial;
  await partial.discard();
  return content.partials.open(digest);
}

async function downloadInto(
  fetching: Fetching,
  request: {
    layer: LayerRow;
    repository: Repository;
    partial: PartialIngest;
    growth: ReturnType<typeof createGrowingFile>;
    signal: AbortSignal;
  },
): Promise<void> {
  const { slots, report } = fetching;
  const { layer, repository, partial, growth, signal } = request;
  await slots.run(
    () =>
      download(fetching, {
        repository,
        blob: layer,
        partial,
        signal,
        onBytes(availableBytes) {
          growth.reached(availableBytes);
          report({ state: "downloading", currentBytes: availableBytes });
        },
        onRetry: (delayMs) => report({ state: "retrying", delayMs }),
      }),
    signal,
  );
  report({ state: "downloaded" });
  growth.complete();
}

/** Bytes that are not what they should be, or that fill a disk, are not kept. */
function isRubbish(error: unknown): boolean {
  return isKind(error, "invalid-argument") || (error as { code?: unknown }).code === "ENOSPC";
}
