import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Directories that last as long as a build. What an earlier daemon left goes when this one starts. */
export interface Scratch {
  /** A new empty directory of a build, which only root can enter. */
  make(buildId: string): string;
  /** All of them. */
  release(buildId: string): Promise<void>;
}

export function createScratch(root: string): Scratch {
  sweep(root);
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

/** Out of the way at once; a start does not wait for the rest. What cannot be deleted now is tried again by the next start. */
function sweep(root: string): void {
  if (existsSync(root)) renameSync(root, `${root}-${randomBytes(8).toString("hex")}`);
  const old = readdirSync(dirname(root)).filter((name) => name.startsWith(`${basename(root)}-`));
  for (const name of old) rm(join(dirname(root), name), { recursive: true, force: true }).catch(() => undefined);
}
