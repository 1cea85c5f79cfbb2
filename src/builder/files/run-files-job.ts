import { errorFromValue } from "../../base/error-value.ts";
import { createSemaphore } from "../../base/semaphore.ts";
import type { FilesJob, FilesReply, FilesRequest } from "./files-request.ts";

/** Threads that copy or hash at once: the disk and two cores are full with so many. */
const MAX_PARALLEL = 4;
/** After a job, a fresh worker waits so long for the next: builds have many, and starting one costs about 10 ms. */
const SPARE_MS = 30_000;

export type RunFilesJob = (job: FilesJob, signal: AbortSignal) => Promise<Exclude<FilesReply, { failed: unknown }>>;

export interface FilesJobs {
  run: RunFilesJob;
  /** The worker in reserve goes. Jobs under way are the callers'. */
  close(): void;
}

/**
 * File work of builds, each job by a worker thread that has confined itself and is thrown away. A worker that is cancelled ends by
 * itself: it has descriptors to close. Throws EngineError.
 */
export function createFilesJobs(): FilesJobs {
  const slots = createSemaphore(MAX_PARALLEL);
  const workers = createWorkers();
  return {
    run: (job, signal) => slots.run(() => runJob(workers, job, signal), signal),
    close: () => workers.close(),
  };
}

interface Workers {
  take(): Worker;
  /** One is made ready for the next job. */
  prepare(): void;
  close(): void;
}

function createWorkers(): Workers {
  let spare: { worker: Worker; timer: ReturnType<typeof setTimeout> } | undefined;
  const start = () => new Worker(new URL("./files-worker.ts", import.meta.url));
  let isClosed = false;
  const drop = () => {
    clearTimeout(spare?.timer);
    spare?.worker.terminate();
    spare = undefined;
  };
  return {
    take() {
      if (spare === undefined) return start();
      const { worker, timer } = spare;
      clearTimeout(timer);
      spare = undefined;
      worker.ref();
      return worker;
    },
    close() {
      isClosed = true;
      drop();
    },
    prepare() {
      if (spare !== undefined || isClosed) return;
      const worker = start();
      // One that cannot start is no spare; the next job finds out why.
      worker.onerror = drop;
      worker.unref();
      const timer = setTimeout(drop, SPARE_MS);
      timer.unref();
      spare = { worker, timer };
    },
  };
}

async function runJob(
  workers: Workers,
  job: FilesJob,
  signal: AbortSignal,
): Promise<Exclude<FilesReply, { failed: unknown }>> {
  signal.throwIfAborted();
  const cancelled = new Int32Array(new SharedArrayBuffer(4));
  const worker = workers.take();
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
    workers.prepare();
  }
}
