import { createSemaphore } from "../../../base/semaphore.ts";
import type { Digest } from "../../../formats/oci/digest.ts";

export interface CompressRequest {
  source: string;
  /** Exists and is empty. */
  target: string;
  /** Set to 1 by the main thread. */
  cancelled: Int32Array<SharedArrayBuffer>;
}

export interface Compressed {
  digest: Digest;
  sizeBytes: number;
}

export type CompressReply = Compressed | { error: string };

/** Files compressed at once: each keeps a core busy. */
const MAX_PARALLEL = 2;

export interface Compressor {
  /** Writes `source` as gzip into the empty file `target`. The same bytes give the same bytes on every run. */
  gzip(files: { source: string; target: string }, signal: AbortSignal): Promise<Compressed>;
}

/** Each file by a worker thread of its own, which ends with it. */
export function createCompressor(): Compressor {
  const slots = createSemaphore(MAX_PARALLEL);
  return { gzip: (files, signal) => slots.run(() => runWorker(files, signal), signal) };
}

async function runWorker(files: { source: string; target: string }, signal: AbortSignal): Promise<Compressed> {
  const cancelled = new Int32Array(new SharedArrayBuffer(4));
  const cancel = () => Atomics.store(cancelled, 0, 1);
  signal.addEventListener("abort", cancel, { once: true });
  const worker = new Worker(new URL("./compress-worker.ts", import.meta.url));
  try {
    const reply = await new Promise<CompressReply>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<CompressReply>) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(`compress worker: ${message}`));
      worker.postMessage({ ...files, cancelled } satisfies CompressRequest);
    });
    if (!("error" in reply)) return reply;
    signal.throwIfAborted();
    throw new Error(reply.error);
  } finally {
    signal.removeEventListener("abort", cancel);
    worker.terminate();
  }
}
