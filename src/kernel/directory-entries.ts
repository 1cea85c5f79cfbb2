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
 * Calls `visit` for each name in an open directory but `.` and `..`, without making anything for it: for tens of thousands. Each
 * listing within a `visit` takes a buffer of its own. Synchronous, works without /proc.
 */
export function forEachName(directory: number, visit: (name: NameInPlace) => void): void {
  readers[depth] ??= new NameReader();
  const reader = readers[depth++] as NameReader;
  try {
    reader.read(directory, visit);
  } finally {
    depth--;
  }
}

/** By how many listings are under way. */
const readers: NameReader[] = [];
let depth = 0;

/** The name where it is read is the object itself. */
class NameReader implements NameInPlace {
  address = 0;
  type = 0;
  inode = 0;
  readonly #buffer = Buffer.alloc(BUFFER_BYTES);
  readonly #view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, this.#buffer.length);
  #start = 0;

  bytes(): Buffer {
    return Buffer.from(this.#buffer.subarray(this.#start, this.#buffer.indexOf(0, this.#start)));
  }

  read(directory: number, visit: (name: NameInPlace) => void): void {
    const [buffer, view] = [this.#buffer, this.#view];
    const base = ptr(buffer);
    syscall("lseek", `fd ${directory}`, directory, 0, 0);
    for (;;) {
      const length = syscall("getdents64", `fd ${directory}`, directory, base, BUFFER_BYTES);
      if (length === 0) return;
      for (let at = 0; at < length; at += view.getUint16(at + LENGTH_AT, true)) {
        const start = at + NAME_AT;
        const isDots = buffer[start] === DOT && (buffer[start + 1] === 0 || isDotDot(buffer, start));
        if (isDots) continue;
        this.address = base + start;
        this.#start = start;
        this.type = buffer[at + TYPE_AT] as number;
        this.inode = view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
        visit(this);
      }
    }
  }
}

function isDotDot(buffer: Buffer, start: number): boolean {
  return buffer[start + 1] === DOT && buffer[start + 2] === 0;
}
