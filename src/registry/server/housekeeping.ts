import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "./observe/metrics.ts";
import { type CollectOptions, collect } from "./storage/gc/collect.ts";
import type { Storage } from "./storage/storage.ts";

/** Soon after the start: a collector that was killed may have left something aside. */
const FIRST_RUN_MS = 10_000;

/** Collects garbage from time to time. Where another process of the same storage does, it waits for its next turn. */
export interface Housekeeping {
  /** Waits for the run that is under way. */
  stop(): Promise<void>;
}

export function startHousekeeping(
  deps: { storage: Storage; clock: Clock; logger: Logger; metrics: Metrics },
  options: CollectOptions & { intervalMs: number },
): Housekeeping {
  let running: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const run = async () => {
    try {
      const collected = await collect(deps.storage, deps.clock, options);
      if (collected === undefined) return;
      deps.metrics.collected(collected);
      if (collected.damaged.length > 0)
        deps.logger.warn("damaged repositories are not collected", { repositories: collected.damaged });
      if (collected.blobs + collected.manifests + collected.uploads > 0)
        deps.logger.info("garbage collected", { ...collected });
    } catch (error) {
      deps.metrics.collected("failed");
      deps.logger.error("garbage collection failed", { error });
    }
  };
  const plan = (ms: number) => {
    if (stopped) return;
    timer = setTimeout(() => {
      running = run().then(() => plan(options.intervalMs));
    }, ms);
  };
  if (options.intervalMs > 0) plan(Math.min(FIRST_RUN_MS, options.intervalMs));
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
