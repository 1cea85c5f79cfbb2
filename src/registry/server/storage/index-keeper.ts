import type { Clock } from "../../../base/clock.ts";
import { messageOf } from "../../../base/errors.ts";
import type { Logger } from "../../../base/logger.ts";

/** Changes are gathered this long, so that a push of many tags writes the index a few times only. */
const GATHER_MS = 1_000;
/** A large index is written so seldom that it costs at most one part in this many. */
const COST_DIVISOR = 20;

/** Keeps index.json up to date behind the tags. It is for other programs: this server reads the tags themselves. */
export interface IndexKeeper {
  changed(): void;
  /** Writes what is still to be written. */
  close(): Promise<void>;
}

export function createIndexKeeper(deps: { write(): Promise<void>; clock: Clock; logger: Logger }): IndexKeeper {
  let dirty = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let lastCostMs = 0;
  let closed = false;
  const write = async () => {
    timer = undefined;
    if (!dirty) return;
    dirty = false;
    const start = deps.clock.monotonicMs();
    try {
      await deps.write();
    } catch (error) {
      deps.logger.warn("index.json could not be written", { error: messageOf(error) });
    }
    lastCostMs = deps.clock.monotonicMs() - start;
    if (dirty) plan();
  };
  const plan = () => {
    if (!closed) timer ??= setTimeout(() => void (running = write()), Math.max(GATHER_MS, lastCostMs * COST_DIVISOR));
  };
  return {
    changed() {
      dirty = true;
      plan();
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await running;
      await write();
    },
  };
}
