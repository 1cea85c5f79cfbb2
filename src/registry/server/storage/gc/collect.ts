import { rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "../../../../base/clock.ts";
import { isKind } from "../../../../base/errors.ts";
import { allRepositories } from "../catalog.ts";
import { isErrno, namesIn, removeFile, statFile } from "../files.ts";
import { ALGORITHMS, TRASH_SUFFIX } from "../layout.ts";
import type { Storage } from "../storage.ts";
import { collectRepository } from "./collect-repository.ts";
import { inBatches } from "./in-batches.ts";
import { decide, discard } from "./trash.ts";

/** An empty directory that changed less than this ago may be on its way to its first file. */
const FRESH_FOLDER_MS = 60_000;

export interface CollectOptions {
  /** Nothing is removed that was pushed, mounted or asked for less than this ago. */
  graceMs: number;
  /** Uploads that nobody went on with for this long. */
  uploadExpiryMs: number;
  /** Also manifests that neither a tag nor an index nor a kept subject leads to. */
  deleteUntagged: boolean;
  /** Of a mirror: tags that nobody asked for in this time go. */
  forgetTagsAfterMs?: number;
}

export interface Collected {
  manifests: number;
  blobs: number;
  uploads: number;
  bytes: number;
  /** Repositories that were left as they are, because something in them cannot be read: `registry check` says what. */
  damaged: string[];
}

/** One run, and what it needs to judge by age. */
export interface Run {
  storage: Storage;
  options: CollectOptions;
  /** Files last used before this may go. */
  before: number;
  now: number;
  collected: Collected;
}

/**
 * Removes what nothing refers to, while servers go on: marks from the manifests of each repository, puts aside what is unmarked and
 * old, looks again, deletes. Undefined: another process collects at this moment.
 */
export async function collect(storage: Storage, clock: Clock, options: CollectOptions): Promise<Collected | undefined> {
  const lock = storage.lock(join(storage.layout.root, "gc.lock"));
  if (lock === undefined) return undefined;
  try {
    const now = clock.now().getTime();
    const collected: Collected = { manifests: 0, blobs: 0, uploads: 0, bytes: 0, damaged: [] };
    const run: Run = { storage, options, now, before: now - options.graceMs, collected };
    for (const repository of await allRepositories(storage.layout)) {
      try {
        await collectRepository(run, repository);
      } catch (error) {
        // Not knowing what a damaged manifest names, nothing there is garbage for certain.
        if (!isKind(error, "invalid-argument")) throw error;
        collected.damaged.push(repository);
      }
      await removeEmptyFolders(run, repository);
    }
    // Before the blobs: what a push that was killed staged may be linked already.
    await sweepTemporary(run);
    await collectBlobs(run);
    return collected;
  } finally {
    lock.release();
  }
}

/** Blobs that no repository links: their only link is the one below blobs/. */
async function collectBlobs(run: Run): Promise<void> {
  const { layout } = run.storage;
  const needed = (file: { nlink: number; mtimeMs: number }) => file.nlink > 1 || file.mtimeMs >= run.before;
  for (const algorithm of ALGORITHMS) {
    for await (const name of inBatches(namesIn(layout.blobs(algorithm)))) {
      const path = join(layout.blobs(algorithm), name.replace(TRASH_SUFFIX, ""));
      const file = statFile(path);
      const freed = name.endsWith(TRASH_SUFFIX)
        ? await decide(path, needed)
        : file === undefined || needed(file)
          ? undefined
          : await discard(path, needed);
      if (freed === undefined) continue;
      run.collected.blobs++;
      run.collected.bytes += freed;
    }
  }
}

/** What a request that was killed left: a request that lives has younger files. */
async function sweepTemporary({ storage, now, options }: Run): Promise<void> {
  for (const name of namesIn(storage.layout.temporary)) {
    const path = join(storage.layout.temporary, name);
    const file = statFile(path);
    if (file !== undefined && file.ctimeMs < now - options.uploadExpiryMs) await removeFile(path);
  }
}

/** From the leaves upwards, as far as they are empty and not just made for somebody. A writer that meets this makes its own again. */
async function removeEmptyFolders({ storage: { layout }, now }: Run, repository: string): Promise<void> {
  const removable = (folder: string) => removeIfEmpty(folder, now - FRESH_FOLDER_MS);
  const own = layout.repository(repository);
  const leaves = ["_blobs", "_manifests"].flatMap((kind) => ALGORITHMS.map((algorithm) => join(own, kind, algorithm)));
  const folders = [...leaves, ...["_blobs", "_manifests", "_tags", "_uploads"].map((kind) => join(own, kind))];
  for (const subjects of ALGORITHMS.map((algorithm) => join(layout.allReferrers(repository), algorithm))) {
    for (const subject of namesIn(subjects)) await removable(join(subjects, subject));
    folders.push(subjects);
  }
  for (const folder of [...folders, layout.allReferrers(repository)]) await removable(folder);
  for (let folder = own; folder !== layout.repositories; folder = dirname(folder)) {
    if (!(await removable(folder))) return;
  }
}

async function removeIfEmpty(folder: string, before: number): Promise<boolean> {
  const found = statFile(folder);
  if (found === undefined || found.mtimeMs >= before) return false;
  try {
    await rmdir(folder);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTEMPTY")) return false;
    throw error;
  }
}
