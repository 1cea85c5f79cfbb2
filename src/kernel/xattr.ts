import { SystemError } from "./errno.ts";
import type { Path } from "./files.ts";
import { cstring, ptr, syscall, trySyscall } from "./libc.ts";

/** The kernel's XATTR_SIZE_MAX and XATTR_LIST_MAX. */
const MAX_XATTR_BYTES = 65_536;
const ENODATA = 61;
const EOPNOTSUPP = 95;

/** Sets an attribute of the name itself (never through a symlink). */
export function setXattr(path: Path, name: Path, value: Uint8Array): void {
  const [pathBytes, nameBytes] = [cstring(path), cstring(name)];
  const data = value.length === 0 ? EMPTY : value;
  syscall("lsetxattr", `${text(name)} of ${text(path)}`, ptr(pathBytes), ptr(nameBytes), ptr(data), value.length, 0);
}

/** undefined when there is no such attribute. Not through a symlink. */
export function getXattr(path: Path, name: Path): Buffer | undefined {
  const [pathBytes, nameBytes] = [cstring(path), cstring(name)];
  const result = trySyscall("lgetxattr", ptr(pathBytes), ptr(nameBytes), ptr(scratch), scratch.length);
  if (result === -ENODATA || result === -EOPNOTSUPP) return undefined;
  if (result < 0) throw new SystemError("lgetxattr", -result, text(path));
  return Buffer.from(scratch.subarray(0, result));
}

export function listXattrs(path: Path): Buffer[] {
  const pathBytes = cstring(path);
  const result = trySyscall("llistxattr", ptr(pathBytes), ptr(scratch), scratch.length);
  if (result === -EOPNOTSUPP) return [];
  if (result < 0) throw new SystemError("llistxattr", -result, text(path));
  return splitNames(scratch.subarray(0, result));
}

/** Of an open file; descriptors opened with O_PATH go through their /proc/self/fd path and `getXattr` is not for them. */
export function getXattrFd(fd: number, name: Path): Buffer | undefined {
  const nameBytes = cstring(name);
  const result = trySyscall("fgetxattr", fd, ptr(nameBytes), ptr(scratch), scratch.length);
  if (result === -ENODATA || result === -EOPNOTSUPP) return undefined;
  if (result < 0) throw new SystemError("fgetxattr", -result, `fd ${fd}`);
  return Buffer.from(scratch.subarray(0, result));
}

export function setXattrFd(fd: number, name: Path, value: Uint8Array): void {
  const nameBytes = cstring(name);
  const data = value.length === 0 ? EMPTY : value;
  syscall("fsetxattr", `${text(name)} of fd ${fd}`, fd, ptr(nameBytes), ptr(data), value.length, 0);
}

/** Absent: nothing. */
export function removeXattrFd(fd: number, name: Path): void {
  const nameBytes = cstring(name);
  const result = trySyscall("fremovexattr", fd, ptr(nameBytes));
  if (result < 0 && result !== -ENODATA) throw new SystemError("fremovexattr", -result, `${text(name)} of fd ${fd}`);
}

export function listXattrsFd(fd: number): Buffer[] {
  const result = trySyscall("flistxattr", fd, ptr(scratch), scratch.length);
  if (result === -EOPNOTSUPP) return [];
  if (result < 0) throw new SystemError("flistxattr", -result, `fd ${fd}`);
  return splitNames(scratch.subarray(0, result));
}

/** What belongs to one place only: overlayfs' own marks, and the label that the host's policy gives. */
const OF_THE_PLACE = /^(trusted\.overlay\.|security\.selinux$)/;

/** Gives an open file the attributes of another, as far as its file system can hold them. */
export function copyXattrsFd(source: number, target: number): void {
  for (const name of listXattrsFd(source)) {
    if (OF_THE_PLACE.test(name.toString("latin1"))) continue;
    const value = getXattrFd(source, name);
    if (value === undefined) continue;
    holdXattrFd(target, name, value);
  }
}

/** As `setXattrFd`; a file system that cannot hold such an attribute does without. */
export function holdXattrFd(fd: number, name: Path, value: Uint8Array): void {
  try {
    setXattrFd(fd, name, value);
  } catch (error) {
    if (!(error instanceof SystemError) || error.errno !== EOPNOTSUPP) throw error;
  }
}

const EMPTY = new Uint8Array(1);
/** Reused: the calls that fill it are synchronous. */
const scratch = Buffer.alloc(MAX_XATTR_BYTES);

function splitNames(list: Uint8Array): Buffer[] {
  const names: Buffer[] = [];
  let start = 0;
  for (let index = 0; index < list.length; index++) {
    if (list[index] !== 0) continue;
    names.push(Buffer.from(list.subarray(start, index)));
    start = index + 1;
  }
  return names;
}

function text(bytes: Path): string {
  return Buffer.from(bytes as Uint8Array).toString();
}
