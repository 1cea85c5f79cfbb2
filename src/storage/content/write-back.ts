import type { FileHandle } from "node:fs/promises";

/** Bytes after which the disk is set to work: the sync before a file counts then has little left to do. */
const WRITE_BACK_BYTES = 32 << 20;

export interface WriteBack {
  written(bytes: number): void;
  /** Waits for the flush that is under way. False: one has failed, so that what was written may not be what the file holds. */
  settled(): Promise<boolean>;
}

/** Has the disk write a file while the rest of it still arrives, one flush at a time. A failure shows at the sync that counts. */
export function startWriteBack(file: FileHandle): WriteBack {
  let dirtyBytes = 0;
  let running: Promise<void> | undefined;
  let isIntact = true;
  const flush = async () => {
    try {
      await file.datasync();
    } catch {
      isIntact = false;
    }
    running = undefined;
  };
  return {
    written(bytes) {
      dirtyBytes += bytes;
      if (dirtyBytes < WRITE_BACK_BYTES || running !== undefined) return;
      dirtyBytes = 0;
      running = flush();
    },
    async settled() {
      await running;
      return isIntact;
    },
  };
}
