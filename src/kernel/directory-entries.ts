import { ptr, syscall } from "./libc.ts";

/** Types of <dirent.h>; a file system may answer UNKNOWN for all. */
export const DT_UNKNOWN = 0;
export const DT_FIFO = 1;
export const DT_CHR = 2;
export const DT_DIR = 4;
export const DT_BLK = 6;
export const DT_REG = 8;
export const DT_LNK = 10;
export const DT_SOCK = 12;

/** A name where the kernel has put it. Valid during the call that it is handed to: one object serves for all names. */
export interface NameInPlace {
  /** Address of the NUL-terminated name. */
  address: number;
  /** DT_…. */
  type: number;
  inode: number;
  /** A copy. */
  bytes(): Buffer;
}

const BUFFER_BYTES = 65_536;
/** struct linux_dirent64: u64 inode, s64 offset, u16 record length, u8 type, name. */
const [LENGTH_AT, TYPE_AT, NAME_AT] = [16, 18, 19];
const DOT = 0x2e;

/**
 * Calls `visit` for each name in an open directory but `.` and `..`, without making anything for it: for tens of thousands. `visit`
 * must not list another directory. Synchronous, works without /proc.
 */
export function forEachName(directory: number, visit: (name: NameInPlace) => void): void {
  syscall("lseek", `fd ${directory}`, directory, 0, 0);
  const base = ptr(buffer);
  for (;;) {
    const length = syscall("getdents64", `fd ${directory}`, directory, base, BUFFER_BYTES);
    if (length === 0) return;
    for (let at = 0; at < length; at += view.getUint16(at + LENGTH_AT, true)) {
      const start = at + NAME_AT;
      if (
        buffer[start] === DOT &&
        (buffer[start + 1] === 0 || (buffer[start + 1] === DOT && buffer[start + 2] === 0))
      ) {
        continue;
      }
      shared.address = base + start;
      shared.start = start;
      shared.type = buffer[at + TYPE_AT] as number;
      shared.inode = view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
      visit(shared);
    }
  }
}

const buffer = Buffer.alloc(BUFFER_BYTES);
const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
const shared = {
  address: 0,
  start: 0,
  type: 0,
  inode: 0,
  bytes: () => Buffer.from(buffer.subarray(shared.start, buffer.indexOf(0, shared.start))),
};
