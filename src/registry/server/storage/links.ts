import { readFileSync } from "node:fs";
import { copyFile, link, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "../../../base/clock.ts";
import type { Digest } from "../../../formats/oci/digest.ts";
import {
  isErrno,
  removeFile,
  statFile,
  syncDirectory,
  temporaryName,
  touch,
  unlessMissing,
  withDirectory,
} from "./files.ts";
import { type Layout, type LinkKind, TRASH_SUFFIX } from "./layout.ts";

/** How often the collector may take a blob away while one link to it is made. */
const MAX_RACES = 10;
/** How long the collector may look at a file that it has put aside; longer is one that was killed meanwhile. */
const MAX_LOOK_MS = 200;
const LOOK_POLL_MS = 5;

/** Where bytes are, or are to be, known: in one repository, as one kind. */
export interface Place {
  repository: string;
  kind: LinkKind;
}

export interface Linked {
  path: string;
  sizeBytes: number;
}

/**
 * Which repository has which bytes. A link is a hard link to the blob, so its link count tells who still needs it, and reading
 * through a repository checks right and existence in one step, whoever deletes or collects at the same time.
 */
export interface Links {
  /** undefined: this repository has it not (or the collector is looking at it). */
  stat(place: Place, digest: Digest): Linked | undefined;
  /** The same for one who will rely on it: marks it, so that the collector leaves it, and waits while the collector looks at it. */
  use(place: Place, digest: Digest): Linked | undefined | Promise<Linked | undefined>;
  read(place: Place, digest: Digest): Buffer | undefined;
  /** Gives verified, durable bytes of a file their name; the file itself is removed. */
  publish(file: string, place: Place, digest: Digest): Promise<void>;
  /** False: `from` has it not. */
  mount(from: Place, to: Place, digest: Digest): Promise<boolean>;
  /** False: it was not there. */
  remove(place: Place, digest: Digest): Promise<boolean>;
}

export interface LinkOptions {
  clock: Clock;
  /** A blob whose use was marked less than this ago is not marked again. */
  touchAfterMs: number;
  readOnly: boolean;
}

export function createLinks(layout: Layout, options: LinkOptions): Links {
  const pathOf = ({ repository, kind }: Place, digest: Digest) => layout.link(repository, kind, digest);
  const stat: Links["stat"] = (place, digest) => {
    const path = pathOf(place, digest);
    const found = statFile(path);
    return found === undefined ? undefined : { path, sizeBytes: found.size };
  };
  const mark = (place: Place, digest: Digest): Linked | undefined => {
    const path = pathOf(place, digest);
    const found = statFile(path);
    if (found === undefined) return undefined;
    const ageMs = options.clock.now().getTime() - found.mtimeMs;
    if (!options.readOnly && ageMs > options.touchAfterMs && !touch(path)) return undefined;
    return { path, sizeBytes: found.size };
  };
  const markLater = async (place: Place, digest: Digest): Promise<Linked | undefined> => {
    const aside = `${pathOf(place, digest)}${TRASH_SUFFIX}`;
    for (let waitedMs = 0; waitedMs < MAX_LOOK_MS && statFile(aside) !== undefined; waitedMs += LOOK_POLL_MS)
      await options.clock.sleep(LOOK_POLL_MS);
    return mark(place, digest);
  };
  const use: Links["use"] = (place, digest) => mark(place, digest) ?? markLater(place, digest);
  return {
    stat,
    use,
    read: (place, digest) => unlessMissing(() => readFileSync(pathOf(place, digest))),
    async publish(file, place, digest) {
      await linkShared(layout, file, { digest, target: pathOf(place, digest) });
      await rm(file, { force: true });
    },
    async mount(from, to, digest) {
      const source = pathOf(from, digest);
      if ((await use(from, digest)) === undefined) return false;
      const target = pathOf(to, digest);
      const linked = await linkOnce(layout, source, target);
      if (linked) await syncDirectory(dirname(target));
      return linked;
    },
    async remove(place, digest) {
      const path = pathOf(place, digest);
      const removed = await removeFile(path);
      if (removed) await syncDirectory(dirname(path));
      return removed;
    },
  };
}

/** file → blobs/…, then blobs/… → the repository; from the start again when the collector took the blob in between. */
async function linkShared(
  layout: Layout,
  file: string,
  { digest, target }: { digest: Digest; target: string },
): Promise<void> {
  const blob = layout.blob(digest);
  for (let race = 0; race < MAX_RACES; race++) {
    await nameBlob(file, blob);
    if (!(await linkOnce(layout, blob, target))) continue;
    await Promise.all([syncDirectory(dirname(blob)), syncDirectory(dirname(target))]);
    return;
  }
  throw new Error(`${digest}: collected while it was pushed, ${MAX_RACES} times`);
}

/** Bytes that are there already stay, unless their size says that they are damaged. */
async function nameBlob(file: string, blob: string): Promise<void> {
  try {
    await link(file, blob);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
    const [present, fresh] = [statFile(blob), statFile(file)];
    if (present !== undefined && fresh !== undefined && present.size !== fresh.size) await rename(file, blob);
    else touch(blob);
  }
}

/** False: `source` is gone. A link of the same name that is whole stays as it is. */
async function linkOnce(layout: Layout, source: string, target: string): Promise<boolean> {
  return withDirectory(dirname(target), async () => {
    try {
      await link(source, target);
      return true;
    } catch (error) {
      if (isErrno(error, "EEXIST")) return replaceDamaged(layout, source, target);
      if (isErrno(error, "EMLINK")) return copyInstead(layout, source, target);
      if (isErrno(error, "ENOENT") && statFile(source) === undefined) return false;
      throw error;
    }
  });
}

async function replaceDamaged(layout: Layout, source: string, target: string): Promise<boolean> {
  const [from, to] = [statFile(source), statFile(target)];
  if (from === undefined) return false;
  if (to?.size === from.size) return touch(target);
  const staged = temporaryName(layout.temporary);
  await link(source, staged);
  await rename(staged, target);
  return true;
}

/** A file system allows so many links to one file (65,000 on ext4): one more repository gets a copy. */
async function copyInstead(layout: Layout, source: string, target: string): Promise<boolean> {
  const staged = temporaryName(layout.temporary);
  try {
    await copyFile(source, staged);
    await rename(staged, target);
    return true;
  } catch (error) {
    await rm(staged, { force: true });
    if (isErrno(error, "ENOENT") && statFile(source) === undefined) return false;
    throw error;
  }
}
