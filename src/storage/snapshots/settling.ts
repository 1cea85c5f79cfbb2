import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";

/**
 * A committed layer can be used before the disk has its files. Until then its directory holds a marker with the id of the kernel's
 * run: after an unclean end of the machine the layer is doubtful and is made anew from its blob, which was durable before the
 * image was. Journals keep the order of names, so the marker is there whenever the layer's own name is.
 */
export const UNSETTLED_FILE = "unsettled";

/** Layers that are committed shortly after one another are made durable in one pass: the disk is left to the pull that brings them. */
const GATHER_MS = 1000;
/** So many times the pass is put off for a layer that came meanwhile. */
const MAX_DELAYS = 10;

export interface Settling {
  /** Marks the layer's directory, below `root`, before it gets its name. */
  mark(directory: string): void;
  /** The layer has its name now; some time later it will be durable and lose its mark. */
  add(directory: string): void;
  /** Resolves when all that was added is durable. Throws what the disk says. */
  settle(): Promise<void>;
}

export function createSettling(deps: {
  root: string;
  bootId: string;
  sync: () => Promise<void>;
  logger: Logger;
}): Settling {
  const { root, bootId, sync, logger } = deps;
  let waiting = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let delays = 0;
  const settle = async () => {
    clearTimeout(timer);
    timer = undefined;
    delays = 0;
    const settled = waiting;
    waiting = new Set();
    try {
      await sync();
    } catch (error) {
      for (const directory of settled) waiting.add(directory);
      throw error;
    }
    for (const directory of settled) rmSync(join(root, directory, UNSETTLED_FILE), { force: true });
  };
  return {
    mark: (directory) => writeFileSync(join(root, directory, UNSETTLED_FILE), bootId, { mode: 0o600 }),
    add(directory) {
      waiting.add(directory);
      if (timer !== undefined && ++delays > MAX_DELAYS) return;
      clearTimeout(timer);
      timer = setTimeout(() => {
        settle().catch((error: unknown) => logger.error("making layers durable", { error: messageOf(error) }));
      }, GATHER_MS);
      timer.unref();
    },
    settle: async () => {
      if (waiting.size > 0) await settle();
    },
  };
}
