import { invalid } from "../../../base/errors.ts";
import type { Digest } from "../../../formats/oci/digest.ts";
import type { Compression } from "../../../formats/oci/media-types.ts";
import { UNPACK_LIMITS, type UnpackLimits } from "./limits.ts";

export interface UnpackRequest {
  /** A layer blob: tar, plain or compressed. */
  archive: string;
  /** Empty directory to fill. */
  directory: string;
  limits: UnpackLimits;
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

export type UnpackReply = Unpacked | { error: string };

/** Layers unpacked at once: the disk and two cores are full with two. */
const MAX_PARALLEL = 2;

export interface Unpacker {
  /** Unpacks and hashes in one pass. Throws invalid-argument; then the directory holds rubbish which the caller discards. */
  unpack(archive: string, directory: string, signal: AbortSignal): Promise<Unpacked>;
}

/**
 * Each archive is unpacked by a worker thread of its own which has the directory as its root for ever, and is thrown away: an
 * archive can name nothing outside of it. A worker costs 4 ms.
 */
export function createUnpacker(options: { limits?: UnpackLimits } = {}): Unpacker {
  const limits = options.limits ?? UNPACK_LIMITS;
  const waiting: (() => void)[] = [];
  let running = 0;
  return {
    async unpack(archive, directory, signal) {
      if (running >= MAX_PARALLEL) await new Promise<void>((resolve) => waiting.push(resolve));
      else running++;
      try {
        signal.throwIfAborted();
        return await runWorker({ archive, directory, limits }, signal);
      } finally {
        const next = waiting.shift();
        if (next === undefined) running--;
        else next();
      }
    },
  };
}

/** The worker is asked to stop rather than terminated: it has files open. */
async function runWorker(request: Omit<UnpackRequest, "cancelled">, signal: AbortSignal): Promise<Unpacked> {
  const cancelled = new Int32Array(new SharedArrayBuffer(4));
  const cancel = () => Atomics.store(cancelled, 0, 1);
  signal.addEventListener("abort", cancel, { once: true });
  const worker = new Worker(new URL("./unpack-worker.ts", import.meta.url));
  try {
    const reply = await new Promise<UnpackReply>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<UnpackReply>) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(`unpack worker: ${message}`));
      worker.postMessage({ ...request, cancelled } satisfies UnpackRequest);
    });
    if (!("error" in reply)) return reply;
    signal.throwIfAborted();
    throw invalid(reply.error);
  } finally {
    signal.removeEventListener("abort", cancel);
    worker.terminate();
  }
}
