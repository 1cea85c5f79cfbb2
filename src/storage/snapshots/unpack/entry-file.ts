import type { TarEntry, TarTime } from "../../../formats/tar/entry.ts";
import { EPERM, SystemError } from "../../../kernel/errno.ts";
import {
  AT_FDCWD,
  closeFd,
  makeDirAt,
  makeNodeAt,
  modeAt,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_WRONLY,
  openAt,
  ownAt,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  symlinkAt,
  timesAt,
  timesFd,
  truncateFd,
  writeAt,
  writeFull,
} from "../../../kernel/files.ts";
import { setXattr } from "../../../kernel/xattr.ts";

const EOPNOTSUPP = 95;
/** Attributes by which an archive could speak to overlayfs itself. */
const OVERLAY_XATTR_PREFIX = "trusted.overlay.";
const MAX_SECONDS = 2n ** 62n;

/** A regular file that is being written. `path`: relative to the thread's directory, or below its root. */
export interface EntryFile {
  fd: number;
  entry: TarEntry;
  path: Buffer;
  rule: OwnerRule;
}

/** `changed`: what is made belongs to 0:0 anyway, which saves a call; `always`: a directory around may give its group to all in it. */
export type OwnerRule = "changed" | "always";

/**
 * Makes what an entry says, where nothing is yet: whole, but for a file, which is returned to be filled and closed, and a
 * directory's attributes. Hard links are the caller's: he knows where their targets are. Throws SystemError.
 */
export function makeEntry(path: Buffer, entry: TarEntry, rule: OwnerRule): EntryFile | undefined {
  const device = { major: entry.deviceMajor, minor: entry.deviceMinor };
  switch (entry.type) {
    case "file": {
      const fd = openAt(AT_FDCWD, path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, entry.mode);
      return { fd, entry, path, rule };
    }
    case "directory":
      makeDirAt(AT_FDCWD, path, entry.mode);
      return undefined;
    case "hardlink":
      throw new TypeError("a hard link is made by its caller");
    case "symlink":
      symlinkAt(entry.linkName, AT_FDCWD, path);
      break;
    case "character":
      makeNodeAt(AT_FDCWD, path, S_IFCHR | entry.mode, device);
      break;
    case "block":
      makeNodeAt(AT_FDCWD, path, S_IFBLK | entry.mode, device);
      break;
    case "fifo":
      makeNodeAt(AT_FDCWD, path, S_IFIFO | entry.mode, { major: 0, minor: 0 });
      break;
  }
  setAttributes(path, entry, rule);
  setTimes(path, entry);
  return undefined;
}

export function writeEntryFile({ fd, entry }: EntryFile, bytes: Uint8Array, offset: number): void {
  if (entry.sparse === undefined) writeFull(fd, bytes);
  else writeAt(fd, bytes, offset);
}

export function closeEntryFile({ fd, entry, path, rule }: EntryFile): void {
  try {
    if (entry.sparse !== undefined) truncateFd(fd, entry.sizeBytes);
    setAttributes(path, entry, rule);
    timesFd(fd, clampTime(entry.accessedAt ?? entry.modifiedAt), clampTime(entry.modifiedAt));
  } finally {
    closeFd(fd);
  }
}

/** In this order: a change of owner drops set-id bits and capabilities. */
export function setAttributes(path: Buffer, entry: TarEntry, rule: OwnerRule): void {
  const owned = rule === "always" || entry.uid !== 0 || entry.gid !== 0;
  if (owned) ownAt(AT_FDCWD, path, entry.uid, entry.gid);
  if (entry.type !== "symlink" && owned && (entry.mode & 0o7000) !== 0) modeAt(AT_FDCWD, path, entry.mode);
  for (const { name, value } of entry.xattrs) setAttribute(path, entry, { name, value });
}

/** A file system or file type that cannot hold an attribute does without, as with Docker. */
function setAttribute(path: Buffer, entry: TarEntry, { name, value }: { name: Buffer; value: Buffer }): void {
  if (name.toString("latin1").startsWith(OVERLAY_XATTR_PREFIX)) return;
  try {
    setXattr(path, name, value);
  } catch (error) {
    const special = entry.type !== "file" && entry.type !== "directory";
    if (error instanceof SystemError && (error.errno === EOPNOTSUPP || (error.errno === EPERM && special))) return;
    throw error;
  }
}

export function setTimes(path: Buffer, entry: TarEntry): void {
  timesAt(AT_FDCWD, path, clampTime(entry.accessedAt ?? entry.modifiedAt), clampTime(entry.modifiedAt));
}

/** The kernel cuts to what the file system holds; only 64 bits pass the call. */
export function clampTime(time: TarTime): TarTime {
  if (time.seconds > MAX_SECONDS) return { seconds: MAX_SECONDS, nanoseconds: time.nanoseconds };
  if (time.seconds < -MAX_SECONDS) return { seconds: -MAX_SECONDS, nanoseconds: time.nanoseconds };
  return time;
}
