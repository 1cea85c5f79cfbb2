/** Time as the engine sees it; passed in so that tests own it. */
export interface Clock {
  now(): Date;
  /** Nanoseconds since the epoch; strictly monotonic within the process, so that event times never tie or go back. */
  nowNs(): bigint;
  /** Monotonic milliseconds: for time-outs and durations, immune to clock steps. */
  monotonicMs(): number;
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export function createSystemClock(): Clock {
  let lastNs = 0n;
  return {
    now: () => new Date(),
    nowNs() {
      const ns = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
      lastNs = ns > lastNs ? ns : lastNs + 1n;
      return lastNs;
    },
    monotonicMs: () => performance.now(),
    sleep: (ms, signal) => sleep(ms, signal),
  };
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
