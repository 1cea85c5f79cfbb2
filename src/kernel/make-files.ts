import { SystemError } from "./errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } from "./files.ts";
import { ptr, trySyscall } from "./libc.ts";

/** A new file whose parts lie in one piece of memory; `…At`: offsets there. */
export interface FileInMemory {
  /** NUL-terminated. */
  pathAt: number;
  /** Two `struct timespec`, 8-aligned: accessed, modified. */
  timesAt: number;
  dataAt: number;
  dataBytes: number;
  /** Permission bits, set-id and sticky included. */
  mode: number;
  uid: number;
  gid: number;
}

/** Where making a file can fail, in order. Their places in this list are part of an outcome. */
const CALLS = ["openat", "write", "fchown", "fchmod", "utimensat"] as const;
const ERRNO_BITS = 16;
const NEW_FILE = O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC;

/**
 * Makes one file, whole, without copying anything: for a hundred thousand of them. What is made belongs to 0:0 unless it says
 * otherwise. Returns 0, or an outcome for `outcomeErrno` and `outcomeError`: a number, so that threads can hand it over.
 */
export function tryMakeFile(memory: Uint8Array, file: FileInMemory): number {
  const base = ptr(memory);
  const fd = trySyscall("openat", AT_FDCWD, base + file.pathAt, NEW_FILE, file.mode);
  if (fd < 0) return outcome("openat", fd);
  const result = fill(fd, base, file);
  trySyscall("close", fd);
  return result;
}

export function outcomeErrno(code: number): number {
  return code & ((1 << ERRNO_BITS) - 1);
}

export function outcomeError(code: number, path: string): SystemError {
  return new SystemError(CALLS[code >> ERRNO_BITS] ?? "openat", outcomeErrno(code), path);
}

function fill(fd: number, base: number, file: FileInMemory): number {
  for (let done = 0; done < file.dataBytes; ) {
    const count = trySyscall("write", fd, base + file.dataAt + done, file.dataBytes - done);
    if (count < 0) return outcome("write", count);
    done += count;
  }
  if (file.uid !== 0 || file.gid !== 0) {
    const owned = trySyscall("fchown", fd, file.uid, file.gid);
    if (owned < 0) return outcome("fchown", owned);
    // A change of owner drops set-id bits.
    const changed = (file.mode & 0o7000) === 0 ? 0 : trySyscall("fchmod", fd, file.mode & 0o7777);
    if (changed < 0) return outcome("fchmod", changed);
  }
  const timed = trySyscall("utimensat", fd, 0, base + file.timesAt, 0);
  return timed < 0 ? outcome("utimensat", timed) : 0;
}

function outcome(call: (typeof CALLS)[number], result: number): number {
  return (CALLS.indexOf(call) << ERRNO_BITS) | -result;
}
