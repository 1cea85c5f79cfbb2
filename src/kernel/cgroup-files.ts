import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";

/**
 * The files of cgroups. Paths are the daemon's own, below the hierarchies' mount points. Everything throws node's errors
 * (`code`) unless said otherwise.
 */
export function readCgroupFile(path: string): string {
  return readFileSync(path, "utf8");
}

/** One write(2). */
export function writeCgroupFile(path: string, data: string): void {
  writeFileSync(path, data, { flag: "r+" });
}

/** False: it was there. */
export function makeCgroup(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o755 });
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Cgroups directly below; none where the directory is gone. */
export function childCgroups(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENODEV") return [];
    throw error;
  }
}

/** False: something still lives in it. A cgroup that is gone counts as removed. */
export function tryRemoveCgroup(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return true;
    if (codeOf(error) === "EBUSY" || codeOf(error) === "ENOTEMPTY") return false;
    throw error;
  }
}

export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
