import { createSemaphore, type Semaphore } from "../../base/semaphore.ts";
import type { Op } from "../graph.ts";

/** Memory that one RUN is reckoned with, when it is decided how many may run at once. */
const RUN_MEMORY_BYTES = 512 << 20;
const MAX_RUNS = 64;
/** Copies are bound by the disk. */
const MAX_COPIES = 4;
/** Contexts, URLs and repositories are bound by the network. */
const MAX_SOURCES = 8;

/** How much of each kind of work is done at once, by all builds together. */
export interface Budget {
  /** Runs `work` when there is room for it. */
  run<T>(kind: Op["kind"], work: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

export function createBudget(host: { cpuCount: number; memoryBytes: number }): Budget {
  const runs = createSemaphore(runLimit(host));
  const copies = createSemaphore(MAX_COPIES);
  const sources = createSemaphore(MAX_SOURCES);
  const semaphores: Partial<Record<Op["kind"], Semaphore>> = {
    run: runs,
    copy: copies,
    mkdir: copies,
    link: copies,
    context: sources,
    http: sources,
    git: sources,
    inline: sources,
  };
  return {
    async run(kind, work, signal) {
      const semaphore = semaphores[kind];
      return semaphore === undefined ? work() : semaphore.run(work, signal);
    },
  };
}

/** RUNs at once: one for each processor, as far as the memory goes; always one, and two where one would wait for the network. */
export function runLimit({ cpuCount, memoryBytes }: { cpuCount: number; memoryBytes: number }): number {
  const byMemory = Math.floor(memoryBytes / RUN_MEMORY_BYTES);
  return Math.max(1, Math.min(MAX_RUNS, Math.max(2, cpuCount), byMemory));
}
