import { EISDIR, ENOENT, ENOTDIR, SystemError } from "./errno.ts";
import { closeFd, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, openAt, statAt } from "./files.ts";
import { cstring, ptr, syscall, trySyscall } from "./libc.ts";

/** Directories open at once; a deeper one is moved up before it is emptied, so that no tree is too deep. */
const MAX_OPEN_DEPTH = 256;

/**
 * Deletes everything below the directory `top`, by descriptor: no name is resolved through a symlink, whatever is moved about
 * meanwhile. `onFreed` is told the bytes of each file that had no further name. Synchronous: for workers.
 */
export function removeContents(top: number, onFreed?: (bytes: number) => void): void {
  let moved = 0;
  let firstError = 0;
  const note = (result: number) => {
    if (result < 0 && result !== -ENOENT) firstError ||= -result;
  };
  const empty = (directory: number, depth: number): void => {
    for (const name of names(directory)) {
      const status = onFreed === undefined ? undefined : statAt(directory, name);
      const result = tryUnlink(directory, name, false);
      if (result !== -EISDIR) {
        note(result);
        if (result === 0 && status?.links === 1) onFreed?.(status.sizeBytes);
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

/** Deletes a file or a whole tree. Absent: nothing. `onFreed`: of what is in a tree. */
export function removeTree(directory: number, path: Uint8Array, onFreed?: (bytes: number) => void): void {
  const result = tryUnlink(directory, path, false);
  if (result === 0 || result === -ENOENT) return;
  if (result !== -EISDIR) throw new SystemError("unlinkat", -result, String(path));
  const child = openIfDirectory(directory, path);
  if (child === undefined) return;
  try {
    removeContents(child, onFreed);
  } finally {
    closeFd(child);
  }
  const removed = tryUnlink(directory, path, true);
  if (removed < 0) throw new SystemError("unlinkat", -removed, String(path));
}

/** undefined: gone, or something else by now. */
export function openIfDirectory(directory: number, name: Uint8Array): number | undefined {
  try {
    return openAt(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    if (error instanceof SystemError && (error.errno === ENOENT || error.errno === ENOTDIR)) return undefined;
    throw error;
  }
}

/** Names in an open directory, as bytes, without `.` and `..`. Works without /proc, in a confined thread too. */
export function names(directory: number): Buffer[] {
  const found: Buffer[] = [];
  syscall("lseek", `fd ${directory}`, directory, 0, 0);
  for (;;) {
    const length = syscall("getdents64", `fd ${directory}`, directory, ptr(entries), entries.length);
    if (length === 0) return found;
    // struct linux_dirent64: u64 inode, s64 offset, u16 record length, u8 type, name.
    for (let at = 0; at < length; at += entries.readUInt16LE(at + 16)) {
      const name = entries.subarray(at + 19, entries.indexOf(0, at + 19));
      const isDot = name.length <= 2 && name.every((byte) => byte === 0x2e);
      if (!isDot) found.push(Buffer.from(name));
    }
  }
}

/** Reused: filled and emptied in one turn. */
const entries = Buffer.alloc(65_536);

function tryUnlink(directory: number, name: Uint8Array, isDirectory: boolean): number {
  const bytes = cstring(name);
  return trySyscall("unlinkat", directory, ptr(bytes), isDirectory ? 0x200 : 0);
}

function tryRename(directory: number, name: Buffer, target: { directory: number; name: Buffer }): number {
  const [from, to] = [cstring(name), cstring(target.name)];
  return trySyscall("renameat2", directory, ptr(from), target.directory, ptr(to), 0);
}
