import type { Stats } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { isErrno, statFile } from "../files.ts";
import { TRASH_SUFFIX } from "../layout.ts";

/**
 * Removes a file that nobody needs, or finds out in time that somebody does: it is put aside first, and then looked at again. Who
 * marks or links it before that is seen here, and who comes later finds nothing and pushes it anew. Needs no lock against writers.
 * `wanted` judges the file as it is now. Returns the bytes that came free, or undefined where it stays.
 */
export async function discard(path: string, wanted: (now: Stats) => boolean): Promise<number | undefined> {
  const aside = `${path}${TRASH_SUFFIX}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
  return decide(path, wanted);
}

/** The second half; also for what a collector that was killed left aside. */
export async function decide(path: string, wanted: (now: Stats) => boolean): Promise<number | undefined> {
  const aside = `${path}${TRASH_SUFFIX}`;
  const now = statFile(aside);
  if (now === undefined) return undefined;
  if (wanted(now)) {
    await rename(aside, path);
    // Of two links to one file a rename leaves both.
    await rm(aside, { force: true });
    return undefined;
  }
  await rm(aside, { force: true });
  return now.nlink === 1 ? now.size : 0;
}
