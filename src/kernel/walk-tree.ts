import { ENOENT, SystemError } from "./errno.ts";
import { closeFd, type FileStatus, O_DIRECTORY, O_RDONLY, openAt, S_IFDIR, S_IFMT, statAt, statFd } from "./files.ts";
import { names, openIfDirectory } from "./trees.ts";

/** Directories that stay open; above a deeper one the way back goes through `..`, so that no tree is too deep. */
const MAX_OPEN_DEPTH = 256;

/** One directory on the way down. */
interface Level<T> {
  /** undefined: closed until the way back. */
  fd: number | undefined;
  names: Buffer[];
  /** Of the next name. */
  at: number;
  inode: bigint;
  device: number;
  state: T;
}

/**
 * Calls `visit` for everything below the open directory `top`, a directory before what is in it; what it returns is handed to the
 * calls for its children. By descriptor: no name is resolved through a symlink. What vanishes meanwhile is left out; below a
 * directory that is moved away while it is looked at, some may be, too. Synchronous: for workers.
 */
export function walkTree<T>(top: number, state: T, visit: (name: Buffer, status: FileStatus, parent: T) => T): void {
  const levels: Level<T>[] = [];
  try {
    levels.push(enter(openAt(top, ".", O_RDONLY | O_DIRECTORY), state));
    for (let level = levels.at(-1); level?.fd !== undefined; level = levels.at(-1)) {
      const name = level.names[level.at++];
      if (name === undefined) {
        ascend(levels);
        continue;
      }
      const status = statAt(level.fd, name);
      if (status === undefined) continue;
      const own = visit(name, status, level.state);
      if ((status.mode & S_IFMT) !== S_IFDIR) continue;
      const child = openIfDirectory(level.fd, name);
      if (child === undefined) continue;
      levels.push(enter(child, own));
      if (levels.length > MAX_OPEN_DEPTH) {
        closeFd(level.fd);
        level.fd = undefined;
      }
    }
  } finally {
    for (const { fd } of levels) if (fd !== undefined) closeFd(fd);
  }
}

function enter<T>(fd: number, state: T): Level<T> {
  const { inode, onDevice } = statFd(fd);
  return { fd, names: namesIfThere(fd), at: 0, inode, device: onDevice, state };
}

/** A directory that was removed while it was open has no names. */
function namesIfThere(fd: number): Buffer[] {
  try {
    return names(fd);
  } catch (error) {
    if (error instanceof SystemError && error.errno === ENOENT) return [];
    throw error;
  }
}

/** A directory that was moved has another parent: then the nearest one that is still open goes on. */
function ascend<T>(levels: Level<T>[]): void {
  const left = levels.pop();
  const parent = levels.at(-1);
  if (left?.fd === undefined) return;
  if (parent !== undefined && parent.fd === undefined) parent.fd = parentOf(left.fd, parent);
  closeFd(left.fd);
  while (levels.length > 0 && levels.at(-1)?.fd === undefined) levels.pop();
}

function parentOf<T>(fd: number, { inode, device }: Level<T>): number | undefined {
  const parent = openIfDirectory(fd, Buffer.from(".."));
  if (parent === undefined) return undefined;
  const status = statFd(parent);
  if (status.inode === inode && status.onDevice === device) return parent;
  closeFd(parent);
  return undefined;
}
