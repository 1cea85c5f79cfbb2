import { createSemaphore, type Semaphore } from "../../base/semaphore.ts";
import type { Op } from "../graph.ts";

/** Memory that one RUN is reckoned with, when it is decided how many may run at once. */
const RUN_MEMORY_BYTES = 512 << 20;
const MAX_RUNS = 64;
/** Few steps keep a processor busy all the time: they wait for the network and the disk. The kernel shares it among those that do. */
const RUNS_PER_CPU = 2;
const MIN_RUNS = 4;
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

/** RUNs at once: two for each processor and at least four, as far as the memory goes; always one. */
export function runLimit({ cpuCount, memoryBytes }: { cpuCount: number; memoryBytes: number }): number {
  const byMemory = Math.floor(memoryBytes / RUN_MEMORY_BYTES);
  return Math.max(1, Math.min(MAX_RUNS, Math.max(MIN_RUNS, RUNS_PER_CPU * cpuCount), byMemory));
}
