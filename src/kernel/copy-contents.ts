import { EINVAL, ENXIO, SystemError } from "./errno.ts";
import { readFull, truncateFd, writeFull } from "./files.ts";
import { syscall, trySyscall } from "./libc.ts";

const SEEK_SET = 0;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
/** What one call may be asked for: the kernel cuts at 2 GiB. */
const MAX_CALL_BYTES = 1 << 30;
const BUFFER_BYTES = 1 << 20;
/** A file up to this size is read and written at once: a hole in it is not worth the questions. */
const SMALL_FILE_BYTES = 1 << 16;
const [EXDEV, ENOSYS, EOPNOTSUPP, EPERM] = [18, 38, 95, 1];
/** The two files cannot be copied by the kernel: through memory then. */
const UNABLE = [EXDEV, ENOSYS, EOPNOTSUPP, EPERM, EINVAL];

/**
 * The first `sizeBytes` bytes of an open file into an empty one, holes left holes. The kernel copies, or shares the blocks where the
 * file system can. A file that is shorter meanwhile ends early. Synchronous: for workers.
 */
export function copyContents(source: number, target: number, sizeBytes: number): void {
  if (sizeBytes <= SMALL_FILE_BYTES) {
    const bytes = small.subarray(0, sizeBytes);
    return writeFull(target, bytes.subarray(0, readFull(source, bytes)));
  }
  let offset = 0;
  while (offset < sizeBytes) {
    const start = seek(source, offset, SEEK_DATA) ?? sizeBytes;
    if (start >= sizeBytes) break;
    const end = Math.min(seek(source, start, SEEK_HOLE) ?? sizeBytes, sizeBytes);
    if (!copyPiece(source, target, { start, end })) return;
    offset = end;
  }
  truncateFd(target, sizeBytes);
}

/** Reused: filled and emptied in one turn. */
const small = new Uint8Array(SMALL_FILE_BYTES);

/** undefined: nothing of the kind behind `offset`. A file system that knows no holes has data everywhere. */
function seek(fd: number, offset: number, whence: number): number | undefined {
  const found = trySyscall("lseek", fd, offset, whence);
  if (found === -ENXIO) return undefined;
  if (found === -EINVAL) return whence === SEEK_DATA ? offset : undefined;
  if (found < 0) throw new SystemError("lseek", -found, `fd ${fd}`);
  return found;
}

/** False: the file has ended. */
function copyPiece(source: number, target: number, { start, end }: { start: number; end: number }): boolean {
  syscall("lseek", `fd ${source}`, source, start, SEEK_SET);
  syscall("lseek", `fd ${target}`, target, start, SEEK_SET);
  for (let at = start; at < end; ) {
    const count = trySyscall("copy_file_range", source, 0, target, 0, Math.min(end - at, MAX_CALL_BYTES), 0);
    if (UNABLE.includes(-count)) return copyThroughMemory(source, target, end - at);
    if (count < 0) throw new SystemError("copy_file_range", -count, `fd ${source}`);
    if (count === 0) return false;
    at += count;
  }
  return true;
}

function copyThroughMemory(source: number, target: number, bytes: number): boolean {
  const buffer = new Uint8Array(Math.min(BUFFER_BYTES, bytes));
  for (let left = bytes; left > 0; ) {
    const piece = buffer.subarray(0, Math.min(buffer.length, left));
    const count = readFull(source, piece);
    writeFull(target, piece.subarray(0, count));
    if (count < piece.length) return false;
    left -= count;
  }
  return true;
}
