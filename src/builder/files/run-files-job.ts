import { errorFromValue } from "../../base/error-value.ts";
import { createSemaphore } from "../../base/semaphore.ts";
import type { FilesJob, FilesReply, FilesRequest } from "./files-request.ts";

/** Threads that copy or hash at once: the disk and two cores are full with so many. */
const MAX_PARALLEL = 4;

export type RunFilesJob = (job: FilesJob, signal: AbortSignal) => Promise<Exclude<FilesReply, { failed: unknown }>>;

/**
 * File work of builds, each job by a worker thread that has confined itself and is thrown away. A worker that is cancelled ends by
 * itself: it has descriptors to close. Throws EngineError.
 */
export function createFilesJobs(): RunFilesJob {
  const slots = createSemaphore(MAX_PARALLEL);
  return (job, signal) => slots.run(() => runWorker(job, signal), signal);
}

async function runWorker(job: FilesJob, signal: AbortSignal): Promise<Exclude<FilesReply, { failed: unknown }>> {
  signal.throwIfAborted();
  const cancelled = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL("./files-worker.ts", import.meta.url));
  const cancel = () => Atomics.store(cancelled, 0, 1);
  signal.addEventListener("abort", cancel, { once: true });
  try {
    const reply = await new Promise<FilesReply>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<FilesReply>) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(`files worker: ${message}`));
      worker.postMessage({ job, cancelled } satisfies FilesRequest);
    });
    if (!("failed" in reply)) return reply;
    signal.throwIfAborted();
    throw errorFromValue(reply.failed);
  } finally {
    signal.removeEventListener("abort", cancel);
    worker.terminate();
  }
}
