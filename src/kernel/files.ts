import { EAGAIN, SystemError } from "./errno.ts";
import { cstring, ptr, syscall, trySyscall } from "./libc.ts";

/** File system calls by descriptor and byte path. Paths are bytes because names in images need not be UTF-8. */
export type Path = string | Uint8Array;

export const AT_FDCWD = -100;
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_TRUNC = 0o1000;
export const O_NONBLOCK = 0o4000;
export const O_DIRECTORY = process.arch === "arm64" ? 0o40000 : 0o200000;
export const O_NOFOLLOW = process.arch === "arm64" ? 0o100000 : 0o400000;
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;

export const S_IFMT = 0o170000;
export const S_IFDIR = 0o040000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;
export const S_IFCHR = 0o020000;
export const S_IFBLK = 0o060000;
export const S_IFIFO = 0o010000;
export const S_IFSOCK = 0o140000;

/** openat2(2) `resolve` flags. */
export const RESOLVE_NO_MAGICLINKS = 0x02;
export const RESOLVE_NO_SYMLINKS = 0x04;
export const RESOLVE_BENEATH = 0x08;
export const RESOLVE_IN_ROOT = 0x10;

const FALLOC_FL_KEEP_SIZE = 0x1;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_REMOVEDIR = 0x200;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;

export interface FileStatus {
  /** Type and permission bits. */
  mode: number;
  uid: number;
  gid: number;
  sizeBytes: number;
  /** 512-byte units really taken. */
  blocks: number;
  inode: bigint;
  links: number;
  modifiedSeconds: bigint;
  modifiedNanoseconds: number;
  deviceMajor: number;
  deviceMinor: number;
  /** Device of the file system it lies on, `major:minor` packed. */
  onDevice: number;
}

export function openAt(directory: number, path: Path, flags: number, mode = 0): number {
  const bytes = cstring(path);
  return syscall("openat", label(path), directory, ptr(bytes), flags | O_CLOEXEC, mode);
}

/** The descriptor, or minus errno. `resolve`: RESOLVE_* bits; everything below `directory`. */
export function tryOpenAt2(directory: number, path: Path, flags: number, resolve: number): number {
  const bytes = cstring(path);
  const how = new BigUint64Array([BigInt(flags | O_CLOEXEC), 0n, BigInt(resolve)]);
  return trySyscall("openat2", directory, ptr(bytes), ptr(how), 24);
}

/** Another thread's rename or mount made the kernel give up on a safe look-up: it asks to try again. */
const MAX_RESOLVE_ATTEMPTS = 128;

/**
 * What `path` names, as a process sees it whose root is `root`: links are followed inside, magic links (/proc/1/root) not at all.
 * The descriptor, or minus errno.
 */
export function tryOpenInRoot(root: number, path: Path, flags: number): number {
  let fd = -EAGAIN;
  for (let attempt = 0; fd === -EAGAIN && attempt < MAX_RESOLVE_ATTEMPTS; attempt++) {
    fd = tryOpenAt2(root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
  }
  return fd;
}

/** Where the link at `path` leads; undefined where there is none. */
export function readLinkInRoot(root: number, path: Path): string | undefined {
  const fd = tryOpenInRoot(root, path, O_PATH | O_NOFOLLOW);
  if (fd < 0) return undefined;
  try {
    return (statFd(fd).mode & S_IFMT) === S_IFLNK ? readLinkAt(fd, "").toString() : undefined;
  } finally {
    closeFd(fd);
  }
}

export function closeFd(fd: number): void {
  trySyscall("close", fd);
}

/** Reads until `buffer` is full or the end. Returns the number of bytes. */
export function readFull(fd: number, buffer: Uint8Array): number {
  let length = 0;
  while (length < buffer.length) {
    const count = syscall("read", `fd ${fd}`, fd, ptr(buffer, length), buffer.length - length);
    if (count === 0) break;
    length += count;
  }
  return length;
}

export function writeFull(fd: number, bytes: Uint8Array): void {
  let offset = 0;
  while (offset < bytes.length) {
    offset += syscall("write", `fd ${fd}`, fd, ptr(bytes, offset), bytes.length - offset);
  }
}

/** pwrite(2) by seeking: for sparse files, whose segments come in order. */
export function writeAt(fd: number, bytes: Uint8Array, offset: number): void {
  syscall("lseek", `fd ${fd}`, fd, offset, 0);
  writeFull(fd, bytes);
}

/** Of the calling process, or of the thread after `confineThread`. */
export function setUmask(mask: number): void {
  syscall("umask", "umask", mask);
}

export function truncateFd(fd: number, sizeBytes: number): void {
  syscall("ftruncate", `fd ${fd}`, fd, sizeBytes);
}

/** Takes disk blocks for the first `bytes` of a file, also beyond its end, which stays where it is. Throws (no space, not supported). */
export function reserveBlocks(fd: number, bytes: number): void {
  syscall("fallocate", `fd ${fd}`, fd, FALLOC_FL_KEEP_SIZE, 0, bytes);
}

export function fsyncFd(fd: number): void {
  syscall("fsync", `fd ${fd}`, fd);
}

/** What kind of file system `fd` lies on: the magic numbers of <linux/magic.h>. */
export function fileSystemKind(fd: number): number {
  const buffer = Buffer.alloc(256);
  syscall("fstatfs", `fd ${fd}`, fd, ptr(buffer));
  return buffer.readUInt32LE(0);
}

/** Everything of the file system that `fd` lies on. */
export function syncFileSystem(fd: number): void {
  syscall("syncfs", `fd ${fd}`, fd);
}

/** lstat(2). undefined if there is nothing of that name, or a component of the path is not a directory. */
export function statAt(directory: number, path: Path): FileStatus | undefined {
  const bytes = cstring(path);
  const flags = AT_SYMLINK_NOFOLLOW | (bytes.length === 1 ? AT_EMPTY_PATH : 0);
  const result = trySyscall("statx", directory, ptr(bytes), flags, STATX_BASIC_STATS, ptr(statBuffer));
  if (result === -2 || result === -20) return undefined;
  if (result < 0) throw new SystemError("statx", -result, label(path));
  return decodeStatus();
}

export function statFd(fd: number): FileStatus {
  const status = statAt(fd, "");
  if (status === undefined) throw new SystemError("statx", 2, `fd ${fd}`);
  return status;
}

export function makeDirAt(directory: number, path: Path, mode: number): void {
  const bytes = cstring(path);
  syscall("mkdirat", label(path), directory, ptr(bytes), mode);
}

export function makeNodeAt(
  directory: number,
  path: Path,
  mode: number,
  device: { major: number; minor: number },
): void {
  const bytes = cstring(path);
  syscall("mknodat", label(path), directory, ptr(bytes), mode, packDevice(device));
}

export function symlinkAt(target: Path, directory: number, path: Path): void {
  const [targetBytes, bytes] = [cstring(target), cstring(path)];
  syscall("symlinkat", label(path), ptr(targetBytes), directory, ptr(bytes));
}

/** Hard link; the source is never followed if it is a symlink. */
export function linkAt(sourceDirectory: number, source: Path, directory: number, path: Path): void {
  const [sourceBytes, bytes] = [cstring(source), cstring(path)];
  syscall("linkat", label(path), sourceDirectory, ptr(sourceBytes), directory, ptr(bytes), 0);
}

/** Replaces what has the new name. */
export function renameAt(directory: number, from: Path, to: Path): void {
  const [fromBytes, toBytes] = [cstring(from), cstring(to)];
  syscall("renameat2", label(to), directory, ptr(fromBytes), directory, ptr(toBytes), 0);
}

export function readLinkAt(directory: number, path: Path): Buffer {
  const [bytes, buffer] = [cstring(path), Buffer.alloc(4096)];
  const length = syscall("readlinkat", label(path), directory, ptr(bytes), ptr(buffer), buffer.length);
  return buffer.subarray(0, length);
}

export function unlinkAt(directory: number, path: Path, options: { directory: boolean }): void {
  const bytes = cstring(path);
  syscall("unlinkat", label(path), directory, ptr(bytes), options.directory ? AT_REMOVEDIR : 0);
}

export function ownAt(directory: number, path: Path, uid: number, gid: number): void {
  const bytes = cstring(path);
  syscall("fchownat", label(path), directory, ptr(bytes), uid, gid, AT_SYMLINK_NOFOLLOW);
}

/** Follows a final symlink: only for what is known not to be one. */
export function modeAt(directory: number, path: Path, mode: number): void {
  const bytes = cstring(path);
  syscall("fchmodat", label(path), directory, ptr(bytes), mode & 0o7777);
}

export function ownFd(fd: number, uid: number, gid: number): void {
  syscall("fchown", `fd ${fd}`, fd, uid, gid);
}

export function modeFd(fd: number, mode: number): void {
  syscall("fchmod", `fd ${fd}`, fd, mode & 0o7777);
}

export interface Timestamp {
  seconds: bigint;
  nanoseconds: number;
}

/** Of the name itself, not of what a symlink points to. */
export function timesAt(directory: number, path: Path, accessed: Timestamp, modified: Timestamp): void {
  const bytes = cstring(path);
  const times = encodeTimes(accessed, modified);
  syscall("utimensat", label(path), directory, ptr(bytes), ptr(times), AT_SYMLINK_NOFOLLOW);
}

export function timesFd(fd: number, accessed: Timestamp, modified: Timestamp): void {
  const times = encodeTimes(accessed, modified);
  syscall("utimensat", `fd ${fd}`, fd, 0, ptr(times), 0);
}

function encodeTimes(accessed: Timestamp, modified: Timestamp): BigInt64Array {
  return new BigInt64Array([
    accessed.seconds,
    BigInt(accessed.nanoseconds),
    modified.seconds,
    BigInt(modified.nanoseconds),
  ]);
}

/** The kernel's own encoding of a device number (new_encode_dev). */
function packDevice({ major, minor }: { major: number; minor: number }): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** Reused: every call that fills it is synchronous. */
const statBuffer = Buffer.alloc(256);

/** struct statx, <linux/stat.h>. */
function decodeStatus(): FileStatus {
  return {
    links: statBuffer.readUInt32LE(16),
    uid: statBuffer.readUInt32LE(20),
    gid: statBuffer.readUInt32LE(24),
    mode: statBuffer.readUInt16LE(28),
    inode: statBuffer.readBigUInt64LE(32),
    sizeBytes: Number(statBuffer.readBigUInt64LE(40)),
    blocks: Number(statBuffer.readBigUInt64LE(48)),
    modifiedSeconds: statBuffer.readBigInt64LE(112),
    modifiedNanoseconds: statBuffer.readUInt32LE(120),
    deviceMajor: statBuffer.readUInt32LE(128),
    deviceMinor: statBuffer.readUInt32LE(132),
    onDevice: statBuffer.readUInt32LE(136) * 2 ** 20 + statBuffer.readUInt32LE(140),
  };
}

function label(path: Path): string {
  return typeof path === "string" ? path : Buffer.from(path).toString();
}
