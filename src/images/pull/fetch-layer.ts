import { invalid } from "../../base/errors.ts";
import { KeyedQueue } from "../../base/keyed-queue.ts";
import { createSemaphore } from "../../base/semaphore.ts";
import { algorithmOf, type Digest } from "../../formats/oci/digest.ts";
import type { Repository } from "../../registry/client/registry-client.ts";
import type { Content, PartialIngest } from "../../storage/content/content.ts";
import type { LayerRow } from "../../storage/records/images.ts";
import type { ImageStore, PreparedLayer } from "../store.ts";
import { type DownloadDeps, download } from "./download.ts";
import { createGrowingFile } from "./growing-file.ts";
import { isWorthKeeping } from "./pull-errors.ts";

export type LayerState =
  | { state: "downloading" | "extracting"; currentBytes: number }
  | { state: "retrying"; delayMs: number }
  | { state: "downloaded" };

export interface LayerFetcher {
  /** Brings a layer's blob into content, verified, and unpacks it while it arrives. What has arrived stays for another attempt. */
  fetch(layer: LayerRow, repository: Repository, signal: AbortSignal): Promise<PreparedLayer>;
  /**
   * What happens to a layer's blob, whoever fetches it. Until the end of it, which is returned, the repository may also be asked for
   * the blob: where one registry stalls, another that has it goes on.
   */
  watch(digest: Digest, watcher: LayerWatcher): () => void;
}

export interface LayerWatcher {
  repository: Repository;
  listener: (state: LayerState) => void;
}

export interface LayerFetcherDeps extends DownloadDeps {
  content: Content;
  store: ImageStore;
  maxDownloads: number;
  failpoint: (name: string) => void;
}

export function createLayerFetcher(deps: LayerFetcherDeps): LayerFetcher {
  const watchers = new Map<Digest, Set<LayerWatcher>>();
  const blobs = new KeyedQueue();
  const slots = createSemaphore(deps.maxDownloads);
  const report = (digest: Digest, state: LayerState) => {
    for (const { listener } of watchers.get(digest) ?? []) listener(state);
  };
  const others = (digest: Digest) => [...(watchers.get(digest) ?? [])].map(({ repository }) => repository);
  return {
    // Two images may have one blob at different places of their stacks: the second finds it in content.
    fetch: (layer, repository, signal) =>
      blobs.run(layer.digest, () => {
        const repositories = () => [...new Set([repository, ...others(layer.digest)])];
        const fetching = { ...deps, slots, repositories, report: (state: LayerState) => report(layer.digest, state) };
        return fetchLayer(fetching, { layer, signal });
      }),
    watch(digest, watcher) {
      const present = watchers.get(digest) ?? new Set();
      watchers.set(digest, present.add(watcher));
      return () => {
        present.delete(watcher);
        if (present.size === 0) watchers.delete(digest);
      };
    },
  };
}

interface Fetching extends LayerFetcherDeps {
  slots: ReturnType<typeof createSemaphore>;
  repositories: () => Repository[];
  report: (state: LayerState) => void;
}

async function fetchLayer(
  fetching: Fetching,
  request: { layer: LayerRow; signal: AbortSignal },
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
    fetching.failpoint("pull.verified");
    await partial.commitVerified({ digest: layer.digest, sizeBytes: layer.sizeBytes });
    fetching.failpoint("pull.committed");
    return prepared;
  } catch (error) {
    stop.abort(error);
    await downloading.catch(() => undefined);
    await prepared?.staged.discard();
    await (isWorthKeeping(error) && partial.sizeBytes > 0 ? partial.suspend() : partial.discard());
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
    partial: PartialIngest;
    growth: ReturnType<typeof createGrowingFile>;
    signal: AbortSignal;
  },
): Promise<void> {
  const { slots, repositories, report, failpoint } = fetching;
  const { layer, partial, growth, signal } = request;
  await slots.run(
    (leave) =>
      download(fetching, {
        repositories,
        blob: layer,
        partial,
        signal,
        onBytes(availableBytes) {
          failpoint("pull.partial");
          growth.reached(availableBytes);
          report({ state: "downloading", currentBytes: availableBytes });
        },
        onRetry: (delayMs) => report({ state: "retrying", delayMs }),
        onSlow: leave,
      }),
    signal,
  );
  report({ state: "downloaded" });
  growth.complete();
}
