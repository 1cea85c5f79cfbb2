import { readdirSync } from "node:fs";
import { EISDIR, ENOENT, ENOTDIR, SystemError } from "./errno.ts";
import { closeFd, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, openAt, S_IFDIR, S_IFMT, statAt } from "./files.ts";
import { cstring, ptr, trySyscall } from "./libc.ts";

/** Directories open at once; a deeper one is moved up before it is emptied, so that no tree is too deep. */
const MAX_OPEN_DEPTH = 256;

/**
 * Deletes everything below the directory `top`, by descriptor: no name is resolved through a symlink, whatever is moved about
 * meanwhile. Synchronous: for workers.
 */
export function removeContents(top: number): void {
  let moved = 0;
  let firstError = 0;
  const note = (result: number) => {
    if (result < 0 && result !== -ENOENT) firstError ||= -result;
  };
  const empty = (directory: number, depth: number): void => {
    for (const name of names(directory)) {
      const result = tryUnlink(directory, name, false);
      if (result !== -EISDIR) {
        note(result);
      } else if (depth >= MAX_OPEN_DEPTH) {
        note(tryRename(directory, name, { directory: top, name: Buffer.from(`deep-${moved++}`) }));
      } else {
        emptyChild(directory, name, depth + 1);
        note(tryUnlink(directory, name, true));
      }
    }
  };
  const emptyChild = (directory: number, name: Buffer, depth: number): void => {
    const child = openIfDirectory(directory, name);
    if (child === undefined) return;
    try {
      empty(child, depth);
    } finally {
      closeFd(child);
    }
  };
  for (let movedBefore = -1; moved !== movedBefore; ) {
    movedBefore = moved;
    firstError = 0;
    empty(top, 0);
  }
  if (firstError !== 0) throw new SystemError("unlinkat", firstError);
}

/** Sum of file sizes, each inode once, directories not counted. Synchronous: for workers. */
export function treeUsage(top: number): number {
  const seen = new Set<bigint>();
  let total = 0;
  const visit = (directory: number): void => {
    for (const name of names(directory)) {
      const status = statAt(directory, name);
      if (status === undefined) continue;
      if ((status.mode & S_IFMT) === S_IFDIR) {
        descend(directory, name);
      } else if (status.links === 1 || !seen.has(status.inode)) {
        if (status.links > 1) seen.add(status.inode);
        total += status.sizeBytes;
      }
    }
  };
  const descend = (directory: number, name: Buffer): void => {
    const child = openIfDirectory(directory, name);
    if (child === undefined) return;
    try {
      visit(child);
    } finally {
      closeFd(child);
    }
  };
  visit(top);
  return total;
}

function openIfDirectory(directory: number, name: Buffer): number | undefined {
  try {
    return openAt(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    if (error instanceof SystemError && (error.errno === ENOENT || error.errno === ENOTDIR)) return undefined;
    throw error;
  }
}

/** Names as bytes. The magic link leads to the very directory that is open. */
export function names(directory: number): Buffer[] {
  return readdirSync(`/proc/self/fd/${directory}`, { encoding: "buffer" });
}

function tryUnlink(directory: number, name: Buffer, isDirectory: boolean): number {
  const bytes = cstring(name);
  return trySyscall("unlinkat", directory, ptr(bytes), isDirectory ? 0x200 : 0);
}

function tryRename(directory: number, name: Buffer, target: { directory: number; name: Buffer }): number {
  const [from, to] = [cstring(name), cstring(target.name)];
  return trySyscall("renameat2", directory, ptr(from), target.directory, ptr(to), 0);
}
