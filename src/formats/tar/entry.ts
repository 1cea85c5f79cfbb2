import { invalid } from "../../base/errors.ts";

/** Archives are made of these. */
export const BLOCK_BYTES = 512;

export type EntryType = "file" | "hardlink" | "symlink" | "character" | "block" | "directory" | "fifo";

/** Nanoseconds count upwards from the second, also before 1970. */
export interface TarTime {
  seconds: bigint;
  nanoseconds: number;
}

/** One member of an archive. Names are bytes: they need not be UTF-8. */
export interface TarEntry {
  type: EntryType;
  /** As in the archive: relative or not, with `..` or not; whoever uses it must confine it. */
  name: Buffer;
  linkName: Buffer;
  /** Permission bits, set-id and sticky included. */
  mode: number;
  uid: number;
  gid: number;
  /** Of the file's content, holes included. 0 for what has none. */
  sizeBytes: number;
  modifiedAt: TarTime;
  accessedAt?: TarTime;
  deviceMajor: number;
  deviceMinor: number;
  /** Without the `SCHILY.xattr.` prefix; later ones win. */
  xattrs: { name: Buffer; value: Buffer }[];
  /** Where the data that follows lies in the file; undefined: all of it, from 0. Ordered, without overlap. */
  sparse?: SparseSegment[];
}

export interface SparseSegment {
  offset: number;
  length: number;
}

/** An archive that is not one, or breaks a limit: invalid-argument. */
export function badTar(reason: string) {
  return invalid(`invalid tar archive: ${reason}`);
}

export function paddingAfter(sizeBytes: number): number {
  return (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
}
