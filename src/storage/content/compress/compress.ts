import { createSemaphore } from "../../../base/semaphore.ts";
import type { Digest } from "../../../formats/oci/digest.ts";
import type { Compression } from "../../../formats/oci/media-types.ts";

/** How a file is to lie. `level`: of the compression's own scale; undefined: one that is fast. */
export interface CompressedForm {
  compression: Compression;
  level?: number;
}

export interface CompressRequest {
  source: string;
  /** How the source lies. */
  stored: Compression;
  /** Exists and is empty. */
  target: string;
  form: CompressedForm;
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
  /** Writes `source` in another form into the empty file `target`. The same bytes give the same bytes on every run. */
  compress(files: Omit<CompressRequest, "cancelled">, signal: AbortSignal): Promise<Compressed>;
}

/** Each file by a worker thread of its own, which ends with it. */
export function createCompressor(): Compressor {
  const slots = createSemaphore(MAX_PARALLEL);
  return { compress: (files, signal) => slots.run(() => runWorker(files, signal), signal) };
}

async function runWorker(files: Omit<CompressRequest, "cancelled">, signal: AbortSignal): Promise<Compressed> {
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
