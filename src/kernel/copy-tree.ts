import { SystemError } from "./errno.ts";
import {
  closeFd,
  type FileStatus,
  linkAt,
  makeDirAt,
  makeNodeAt,
  modeAt,
  modeFd,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  openAt,
  ownAt,
  ownFd,
  readFull,
  readLinkAt,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  statAt,
  statFd,
  symlinkAt,
  timesAt,
  timesFd,
  writeFull,
} from "./files.ts";
import { names } from "./trees.ts";
import { getXattrFd, listXattrsFd, setXattrFd } from "./xattr.ts";

/** Nested directories; each holds two descriptors. */
const MAX_DEPTH = 256;
const EOPNOTSUPP = 95;

/**
 * Copies what the directory `source` holds, and its own attributes, into the empty directory `target`. By descriptors only: nothing
 * is followed. Synchronous: for workers.
 */
export function copyTree(source: number, target: number): void {
  new TreeCopy(target).directory({ source, target }, "", 0);
}

interface Pair {
  source: number;
  target: number;
}

class TreeCopy {
  readonly #root: number;
  /** First copy of a file with several names, by inode: relative to the root. */
  readonly #links = new Map<bigint, Buffer>();
  readonly #buffer = new Uint8Array(1 << 20);

  constructor(root: number) {
    this.#root = root;
  }

  directory(pair: Pair, path: Buffer | "", depth: number): void {
    if (depth > MAX_DEPTH) throw new SystemError("copy", 36, "nested directories");
    for (const name of names(pair.source)) {
      const child = path === "" ? name : Buffer.concat([path, Buffer.from("/"), name]);
      this.#entry(pair, name, { path: child, depth });
    }
    copyAttributes(pair, statFd(pair.source));
  }

  #entry(pair: Pair, name: Buffer, { path, depth }: { path: Buffer; depth: number }): void {
    const status = statAt(pair.source, name);
    if (status === undefined) return;
    const type = status.mode & S_IFMT;
    if (type === S_IFDIR) {
      makeDirAt(pair.target, name, 0o700);
      withBoth(pair, name, O_DIRECTORY, (child) => this.directory(child, path, depth + 1));
      return;
    }
    const first = status.links > 1 ? this.#links.get(status.inode) : undefined;
    if (first !== undefined) {
      linkAt(this.#root, first, pair.target, name);
      return;
    }
    copyEntry(pair, name, status, this.#buffer);
    if (status.links > 1) this.#links.set(status.inode, path);
  }
}

/** Something that is no directory, under the same name. `buffer`: for the bytes on their way. */
export function copyEntry(pair: Pair, name: Buffer, status: FileStatus, buffer: Uint8Array): void {
  if ((status.mode & S_IFMT) !== S_IFREG) return special(pair, name, status);
  closeFd(openAt(pair.target, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600));
  withBoth(pair, name, O_NONBLOCK, (child) => copyFile(child, status, buffer));
}

/** Content and attributes of an open regular file. `buffer`: for the bytes on their way. */
export function copyFile(pair: Pair, status: FileStatus, buffer: Uint8Array): void {
  for (let length = -1; length !== 0; ) {
    length = readFull(pair.source, buffer);
    writeFull(pair.target, buffer.subarray(0, length));
  }
  copyAttributes(pair, status);
}

/** Opens the same name on both sides. */
function withBoth(pair: Pair, name: Buffer, flags: number, use: (child: Pair) => void): void {
  const source = openAt(pair.source, name, O_RDONLY | O_NOFOLLOW | flags);
  try {
    const isDirectory = (flags & O_DIRECTORY) !== 0;
    const target = openAt(pair.target, name, O_NOFOLLOW | (isDirectory ? O_RDONLY | O_DIRECTORY : O_WRONLY));
    try {
      use({ source, target });
    } finally {
      closeFd(target);
    }
  } finally {
    closeFd(source);
  }
}

/** Copies owner, mode, attributes and times. Owner before mode and attributes, which a change of owner drops; times last. */
export function copyAttributes({ source, target }: Pair, status: FileStatus): void {
  ownFd(target, status.uid, status.gid);
  modeFd(target, status.mode);
  for (const name of listXattrsFd(source)) {
    const value = getXattrFd(source, name);
    try {
      if (value !== undefined) setXattrFd(target, name, value);
    } catch (error) {
      if (!(error instanceof SystemError) || error.errno !== EOPNOTSUPP) throw error;
    }
  }
  const modified = { seconds: status.modifiedSeconds, nanoseconds: status.modifiedNanoseconds };
  timesFd(target, modified, modified);
}

function special(pair: Pair, name: Buffer, status: FileStatus): void {
  const isSymlink = (status.mode & S_IFMT) === S_IFLNK;
  if (isSymlink) symlinkAt(readLinkAt(pair.source, name), pair.target, name);
  else makeNodeAt(pair.target, name, status.mode, { major: status.deviceMajor, minor: status.deviceMinor });
  ownAt(pair.target, name, status.uid, status.gid);
  if (!isSymlink) modeAt(pair.target, name, status.mode);
  const modified = { seconds: status.modifiedSeconds, nanoseconds: status.modifiedNanoseconds };
  timesAt(pair.target, name, modified, modified);
}
