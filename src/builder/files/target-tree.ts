import { invalid } from "../../base/errors.ts";
import { ENOENT, ENOTDIR, SystemError } from "../../kernel/errno.ts";
import {
  closeFd,
  type FileStatus,
  makeDirAt,
  modeFd,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  openAt,
  ownFd,
  readLinkAt,
  S_IFLNK,
  S_IFMT,
  statAt,
  statFd,
  timesFd,
  unlinkAt,
} from "../../kernel/files.ts";
import { copyXattrsFd, setXattrFd } from "../../kernel/xattr.ts";
import { isOpaque, isWhiteout } from "../../storage/snapshots/merged-view.ts";
import { MAX_PATH_DEPTH } from "../../storage/snapshots/unpack/limits.ts";
import { closeDirectory, isDirectory, lookUp, type OpenDirectory, openDirectory } from "./layered-tree.ts";

/** A directory that is copied into: as the new layer has it, and as the layers below show it. */
export interface TargetDirectory {
  parent: TargetDirectory | undefined;
  name: Buffer;
  /** In the tree, without links: `/` alone is the root. For messages. */
  path: string;
  /** In the new layer, relative to its root, "" the root itself. */
  relative: Buffer;
  /** In the new layer; -1: not there yet. */
  upper: number;
  /** undefined: nothing below shows through. */
  lower: OpenDirectory | undefined;
}

/** What a destination stands for: a directory that is there, or a name that is something else or nothing. */
export type Destination =
  | { kind: "directory"; directory: TargetDirectory }
  | { kind: "name"; directory: TargetDirectory; name: Buffer };

/** Directories that nobody has described. */
export interface MadeDirectories {
  mode: number;
  owner: { uid: number; gid: number } | undefined;
}

const MAX_SYMLINKS = 255;
const OPAQUE_XATTR = "trusted.overlay.opaque";
const SLASH = Buffer.from("/");

/**
 * The tree that a copy goes into: a layer's own directory, which is written, over what the layers below show. Directories of the
 * layers below appear in the new layer, with the attributes that they have there, once something in them does.
 */
export class TargetTree {
  readonly root: TargetDirectory;
  readonly #made: MadeDirectories;

  constructor(upper: number, lower: OpenDirectory | undefined, made: MadeDirectories) {
    const lowerShown = isOpaque(upper) ? undefined : lower;
    const relative = Buffer.alloc(0);
    this.root = { parent: undefined, name: relative, path: "/", relative, upper, lower: lowerShown };
    this.#made = made;
  }

  /**
   * Links are followed inside the tree, the last one too. What is missing above the last name is made, and that too where the path
   * ends in a slash. Throws invalid-argument where a file is in the way.
   */
  resolve(path: string): Destination {
    const mustBeDirectory = /(^|\/)\.?$/.test(path);
    const todo = components(path);
    let here = this.root;
    for (let links = 0, name = todo.shift(); name !== undefined; name = todo.shift()) {
      if (name === "..") {
        here = here.parent ?? here;
        continue;
      }
      const bytes = Buffer.from(name);
      const status = this.find(here, bytes);
      if (status === undefined || !isDirectory(status)) {
        if (status !== undefined && (status.mode & S_IFMT) === S_IFLNK) {
          if (++links > MAX_SYMLINKS) throw invalid(`${path}: too many links`);
          const target = this.#readLink(here, bytes);
          if (target.startsWith("/")) here = this.root;
          todo.unshift(...components(target));
          continue;
        }
        const isLast = todo.length === 0;
        if (isLast && !mustBeDirectory) return { kind: "name", directory: here, name: bytes };
        if (status !== undefined) throw invalid(`mkdir ${childPath(here, name)}: not a directory`);
        here = this.make(here, bytes);
        continue;
      }
      here = this.enter(here, bytes);
    }
    return { kind: "directory", directory: here };
  }

  /** What a name is now. undefined: nothing. */
  find(directory: TargetDirectory, name: Buffer): FileStatus | undefined {
    if (directory.upper >= 0) {
      const status = statAt(directory.upper, name);
      if (status !== undefined) return isWhiteout(status) ? undefined : status;
    }
    return directory.lower === undefined ? undefined : lookUp(directory.lower, name)?.status;
  }

  /** A directory that is there. */
  enter(parent: TargetDirectory, name: Buffer): TargetDirectory {
    const upper = parent.upper < 0 ? -1 : tryOpenDirectory(parent.upper, name);
    const shows = parent.lower !== undefined && (upper < 0 || !isOpaque(upper));
    const lower = shows ? openDirectory(parent.lower as OpenDirectory, name) : undefined;
    return child(parent, name, { upper, lower });
  }

  /** A new directory where nothing is, for what nobody has described. */
  make(parent: TargetDirectory, name: Buffer): TargetDirectory {
    const { mode, owner } = this.#made;
    const made = this.makeBare(parent, name, mode);
    if (owner !== undefined) ownFd(made.upper, owner.uid, owner.gid);
    return made;
  }

  /** The same, its attributes left to the caller. */
  makeBare(parent: TargetDirectory, name: Buffer, mode: number): TargetDirectory {
    const into = this.materialize(parent);
    const hidden = this.#removeWhiteout(parent, name);
    makeDirAt(into, name, mode);
    const upper = tryOpenDirectory(into, name);
    if (hidden) setXattrFd(upper, OPAQUE_XATTR, Buffer.from("y"));
    return child(parent, name, { upper, lower: undefined });
  }

  /** The directory in the new layer: made like the one that shows through, with all above it. */
  materialize(directory: TargetDirectory): number {
    if (directory.upper >= 0) return directory.upper;
    const { parent, name, lower } = directory;
    if (parent === undefined || lower === undefined) throw new Error(`${directory.path} is nowhere`);
    const into = this.materialize(parent);
    const like = (lower[0] as OpenDirectory[number]).fd;
    const status = statFd(like);
    makeDirAt(into, name, 0o700);
    directory.upper = tryOpenDirectory(into, name);
    likeStatus(directory.upper, status);
    copyXattrsFd(like, directory.upper);
    timesFd(directory.upper, modified(status), modified(status));
    return directory.upper;
  }

  /** Makes room for something that is no directory. Throws invalid-argument where a directory is. */
  clear(directory: TargetDirectory, name: Buffer): void {
    const status = this.find(directory, name);
    if (status !== undefined && isDirectory(status)) {
      throw invalid(`cannot replace to directory ${childPath(directory, name.toString())} with file`);
    }
    if (directory.upper < 0 || statAt(directory.upper, name) === undefined) return;
    unlinkAt(directory.upper, name, { directory: false });
  }

  /** Closes a directory that `enter`, `make` or `resolve` has opened; the others stay. */
  leave(directory: TargetDirectory): void {
    if (directory.parent === undefined) return;
    if (directory.upper >= 0) closeFd(directory.upper);
    if (directory.lower !== undefined) closeDirectory(directory.lower);
  }

  /** Closes it and all above. */
  leaveAll(directory: TargetDirectory): void {
    for (let at: TargetDirectory | undefined = directory; at !== undefined; at = at.parent) this.leave(at);
  }

  /** True: there was one, so that a directory in its place must not let the layers below show through. */
  #removeWhiteout(directory: TargetDirectory, name: Buffer): boolean {
    if (directory.upper < 0) return false;
    const status = statAt(directory.upper, name);
    if (status === undefined || !isWhiteout(status)) return false;
    unlinkAt(directory.upper, name, { directory: false });
    return true;
  }

  #readLink(directory: TargetDirectory, name: Buffer): string {
    if (directory.upper >= 0 && statAt(directory.upper, name) !== undefined) {
      return readLinkAt(directory.upper, name).toString();
    }
    const entry = lookUp(directory.lower ?? [], name);
    if (entry === undefined) throw new SystemError("readlinkat", ENOENT, childPath(directory, name.toString()));
    return readLinkAt(entry.part.fd, name).toString();
  }
}

export function childPath({ path }: TargetDirectory, name: string): string {
  return path === "/" ? `/${name}` : `${path}/${name}`;
}

/** Owner before mode: a change of owner drops set-id bits. */
export function likeStatus(fd: number, { uid, gid, mode }: Pick<FileStatus, "uid" | "gid" | "mode">): void {
  ownFd(fd, uid, gid);
  modeFd(fd, mode);
}

export function modified({ modifiedSeconds: seconds, modifiedNanoseconds: nanoseconds }: FileStatus) {
  return { seconds, nanoseconds };
}

function child(parent: TargetDirectory, name: Buffer, open: Pick<TargetDirectory, "upper" | "lower">): TargetDirectory {
  const relative = parent.relative.length === 0 ? name : Buffer.concat([parent.relative, SLASH, name]);
  const path = childPath(parent, name.toString());
  if (path.split("/").length > MAX_PATH_DEPTH) throw invalid(`${path.slice(0, 80)}…: too many nested directories`);
  return { parent, name, path, relative, ...open };
}

/** -1: no directory of that name. */
function tryOpenDirectory(parent: number, name: Buffer): number {
  try {
    return openAt(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    if (error instanceof SystemError && (error.errno === ENOENT || error.errno === ENOTDIR)) return -1;
    throw error;
  }
}

function components(path: string): string[] {
  return path.split("/").filter((component) => component !== "" && component !== ".");
}
