import { createSemaphore } from "../../base/semaphore.ts";
import { extract } from "./extract/extract.ts";
import { type Packing, type PackJob, pack } from "./pack/pack.ts";

/** Threads that read or write files of containers at once, each with a heap of its own; more wait for their turn. */
const MAX_WORKERS = 32;

/** Reading and writing files of containers by workers, so many and no more. */
export interface FileWorkers {
  /** See `pack`; the turn is over when the stream is. */
  pack(job: PackJob, signal: AbortSignal): Promise<Packing>;
  extract: typeof extract;
}

export function createFileWorkers(): FileWorkers {
  const slots = createSemaphore(MAX_WORKERS);
  return {
    pack: (job, signal) =>
      new Promise((resolve, reject) => {
        slots
          .run(async () => {
            const packing = await pack(job, signal);
            resolve(packing);
            await packing.ended;
          }, signal)
          .catch(reject);
      }),
    extract: (request, archive, signal) => slots.run(() => extract(request, archive, signal), signal),
  };
}
