import { invalid } from "../../../base/errors.ts";
import { createSemaphore } from "../../../base/semaphore.ts";
import type { Digest, DigestAlgorithm } from "../../../formats/oci/digest.ts";
import type { Compression } from "../../../formats/oci/media-types.ts";
import { createFileWriters, type FileWriter } from "./file-writers.ts";
import { UNPACK_LIMITS, type UnpackLimits } from "./limits.ts";

/** How small files are made: each when it comes, many at once, or many at once by two threads. What results is the same. */
export type SmallFilesWay = "one-by-one" | "batched" | "two-threads";

export interface UnpackRequest {
  /** A layer blob: tar, plain or compressed. */
  archive: string;
  /** Empty directory to fill. */
  directory: string;
  limits: UnpackLimits;
  /** The archive is still being written: how much of it is there comes in messages. */
  growing: boolean;
  /** Of `Unpacked.digest`. */
  algorithm: DigestAlgorithm;
  smallFiles: SmallFilesWay;
  /** Set to 1 by the main thread. */
  cancelled: Int32Array<SharedArrayBuffer>;
}

export interface Unpacked {
  /** Of the archive as it is stored. */
  digest: Digest;
  sizeBytes: number;
  compression: Compression;
  /** Of the uncompressed tar. */
  diffId: Digest;
  archiveBytes: number;
  entries: number;
  /** Sizes of regular files together. */
  fileBytes: number;
  /** Directories without an entry of their own: see `CommittedLayer.impliedDirectories`. */
  implied: Uint8Array[];
}

/** To a worker whose archive is growing. */
export interface GrowthMessage {
  availableBytes: number;
  complete: boolean;
}

/** `askForWriter`: there are so many small files that a second thread would help to make them, from this memory. */
export type UnpackReply = UnpackNote | Unpacked | { error: string };
export type UnpackNote = { readBytes: number } | { askForWriter: SharedArrayBuffer };

/** A file that somebody else is still writing. */
export interface Growth {
  /** Tells at once, and after each change, how many bytes can be read and whether more will come. Returns the end of it. */
  follow(listener: (state: GrowthMessage) => void): () => void;
}

export interface UnpackOptions {
  signal: AbortSignal;
  /** Of the digest by which the archive is known; sha256 unless said otherwise. */
  algorithm?: DigestAlgorithm;
  /** The archive is still being written: its end is where this says so. Whoever stops writing aborts `signal`. */
  growth?: Growth;
  /** Bytes of the archive, as it is stored, that have been worked through. */
  onProgress?: (readBytes: number) => void;
}

/** Layers unpacked at once: the disk and two cores are full with two. */
const MAX_PARALLEL = 2;
/** Threads that help with small files, of all unpackings together: each has a heap of its own, and there are two cores. */
const MAX_WRITERS = 1;
/** Without a byte for so long, a growing archive no longer counts among those. */
const STARVED_MS = 500;

export interface Unpacker {
  /** Unpacks and hashes in one pass. Throws invalid-argument; then the directory holds rubbish which the caller discards. */
  unpack(archive: string, directory: string, options: UnpackOptions): Promise<Unpacked>;
}

/**
 * Each archive is unpacked by a worker thread of its own which has the directory as its root for ever, and is thrown away: an
 * archive can name nothing outside of it. A worker costs 4 ms.
 */
export function createUnpacker(settings: { limits?: UnpackLimits; smallFiles?: SmallFilesWay } = {}): Unpacker {
  const { limits = UNPACK_LIMITS, smallFiles = "two-threads" } = settings;
  const writers = createFileWriters(MAX_WRITERS);
  const slots = createSemaphore(MAX_PARALLEL);
  return {
    unpack: (archive, directory, options) =>
      slots.run(async (leave) => {
        options.signal.throwIfAborted();
        const unwatch = options.growth === undefined ? undefined : leaveWhenStarved(options.growth, leave);
        try {
          const { growth, algorithm = "sha256" } = options;
          const growing = growth !== undefined;
          const request = { archive, directory, limits, algorithm, growing, smallFiles };
          return await runWorker(request, options, writers.forDirectory(directory));
        } finally {
          unwatch?.();
        }
      }, options.signal),
  };
}

/** A worker that waits for a slow network takes no core: it must not keep others from starting. */
function leaveWhenStarved(growth: Growth, leave: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const unfollow = growth.follow(({ complete }) => {
    clearTimeout(timer);
    if (!complete) timer = setTimeout(leave, STARVED_MS);
  });
  return () => {
    clearTimeout(timer);
    unfollow();
  };
}

/** The worker is asked to stop rather than terminated: it has files open. `writer`: its helper, which ends after it. */
async function runWorker(
  request: Omit<UnpackRequest, "cancelled">,
  options: UnpackOptions,
  writer: FileWriter,
): Promise<Unpacked> {
  const { signal, growth, onProgress } = options;
  const cancelled = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL("./unpack-worker.ts", import.meta.url));
  const tell = (state: GrowthMessage) => worker.postMessage(state);
  const cancel = () => {
    Atomics.store(cancelled, 0, 1);
    // One that waits for more bytes is woken.
    if (growth !== undefined) tell({ availableBytes: 0, complete: true });
  };
  signal.addEventListener("abort", cancel, { once: true });
  let unfollow: (() => void) | undefined;
  try {
    const reply = await new Promise<Exclude<UnpackReply, UnpackNote>>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<UnpackReply>) => {
        if ("readBytes" in data) onProgress?.(data.readBytes);
        else if ("askForWriter" in data) writer.start(data.askForWriter);
        else resolve(data);
      };
      worker.onerror = ({ message }) => reject(new Error(`unpack worker: ${message}`));
      worker.postMessage({ ...request, cancelled } satisfies UnpackRequest);
      unfollow = growth?.follow(tell);
    });
    if (!("error" in reply)) return reply;
    signal.throwIfAborted();
    throw invalid(reply.error);
  } finally {
    unfollow?.();
    signal.removeEventListener("abort", cancel);
    worker.terminate();
    await writer.stop();
  }
}
