import type { ContextOptions } from "./contexts.ts";

/** How often a transfer is told. */
const REPORT_MS = 100;

/** Tells of bytes that arrive for a context: `transferring context: 1.2MB`. */
export interface TransferProgress {
  add(bytes: number): void;
  done(): void;
}

export function createTransferProgress(
  { vertex, report }: Pick<ContextOptions, "vertex" | "report">,
  name: string,
): TransferProgress {
  const startedAt = new Date();
  let current = 0;
  let toldAtMs = performance.now();
  const tell = (completedAt: Date | undefined) => {
    const id = `transferring ${name}:`;
    report({ kind: "progress", vertex, id, name: id, current, total: 0, startedAt, completedAt });
  };
  tell(undefined);
  return {
    add(bytes) {
      current += bytes;
      if (performance.now() - toldAtMs < REPORT_MS) return;
      toldAtMs = performance.now();
      tell(undefined);
    },
    done: () => tell(new Date()),
  };
}
