import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";

/** Directories that last as long as a build. What an earlier daemon left goes when this one starts. */
export interface Scratch {
  /** A new empty directory of a build, which only root can enter. */
  make(buildId: string): string;
  /** All of them. */
  release(buildId: string): Promise<void>;
}

export function createScratch(root: string): Scratch {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true, mode: 0o700 });
  return {
    make(buildId) {
      const directory = join(root, encodeURIComponent(buildId).slice(0, 100), randomBytes(8).toString("hex"));
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      return directory;
    },
    release: (buildId) => rm(join(root, encodeURIComponent(buildId).slice(0, 100)), { recursive: true, force: true }),
  };
}
