/** At most so many at once; the rest wait in the order in which they came. */
export interface Semaphore {
  /**
   * Runs `job` when there is room. A caller whose signal is aborted while it waits gets the signal's reason. A job that will do
   * nothing but wait may `leave` early.
   */
  run<T>(job: (leave: () => void) => Promise<T>, signal?: AbortSignal): Promise<T>;
}

export function createSemaphore(limit: number): Semaphore {
  const waiting: (() => void)[] = [];
  let running = 0;
  const enter = (signal: AbortSignal | undefined) =>
    new Promise<void>((resolve, reject) => {
      signal?.throwIfAborted();
      if (running < limit) {
        running++;
        resolve();
        return;
      }
      const admit = () => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        waiting.splice(waiting.indexOf(admit), 1);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener("abort", leave, { once: true });
      waiting.push(admit);
    });
  /** The place passes to the next without becoming free in between. */
  const exit = () => {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  };
  return {
    async run(job, signal) {
      await enter(signal);
      let inside = true;
      const leave = () => {
        if (inside) exit();
        inside = false;
      };
      try {
        return await job(leave);
      } finally {
        leave();
      }
    },
  };
}
