import type { WaitCondition, WaitResult } from "./containers.ts";

/** Those who wait for one container. Each is told once and forgotten; a client that goes away is forgotten at once. */
export class Waiters {
  readonly #waiting = new Set<{ condition: WaitCondition; settle: (result: WaitResult) => void }>();

  /** Registered when the call returns. Rejects with the signal's reason. */
  add(condition: WaitCondition, signal?: AbortSignal): Promise<WaitResult> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const onAbort = () => {
        this.#waiting.delete(waiter);
        reject(signal?.reason as Error);
      };
      const waiter = {
        condition,
        settle: (result: WaitResult) => {
          signal?.removeEventListener("abort", onAbort);
          resolve(result);
        },
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.add(waiter);
    });
  }

  /** The task ended, for a restart or for good. */
  notifyStopped(result: WaitResult): void {
    this.#notify((condition) => condition !== "removed", result);
  }

  /** The container is gone: nothing can be waited for any more. */
  notifyRemoved(result: WaitResult): void {
    this.#notify(() => true, result);
  }

  #notify(concerns: (condition: WaitCondition) => boolean, result: WaitResult): void {
    for (const waiter of this.#waiting) {
      if (!concerns(waiter.condition)) continue;
      this.#waiting.delete(waiter);
      waiter.settle(result);
    }
  }

  get size(): number {
    return this.#waiting.size;
  }
}
