import { DT_BLK, DT_FIFO, DT_LNK, DT_REG, DT_SOCK, forEachName } from "../../../kernel/directory-entries.ts";
import {
  closeFd,
  type FileStatus,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  openAt,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  statAt,
  timesAt,
  unlinkAt,
} from "../../../kernel/files.ts";
import { removeXattrFd } from "../../../kernel/xattr.ts";
import { differs } from "../changes/change-walk.ts";
import { isOpaque, isWhiteout, lookUp, type Merged, OPAQUE_XATTR, rootOf, type Stack } from "../merged-view.ts";
import { LinkBreaker } from "./link-breaker.ts";

export interface TidyOptions {
  /** Mount points that were made for a start (relative paths): they go where they are empty and new. */
  stubs: ReadonlySet<string>;
  /** Later modification times become this one. */
  epochSeconds: bigint | undefined;
}

const SLASH = Buffer.from("/");
/** What can be nothing but a new file where there is nothing below. */
const FILES = new Set([DT_REG, DT_LNK, DT_FIFO, DT_SOCK, DT_BLK]);

/**
 * Takes out of a layer's directory what a start and overlayfs have left in it and nobody has asked for: mount points, opaque marks
 * of directories that hide nothing, whiteouts of nothing, and directories that were copied up although nothing in them changed.
 * Nothing may be mounted or written there any more. By descriptor, no link is followed. Synchronous: for workers.
 */
export function tidyLayer(stack: Stack, options: TidyOptions): void {
  const [top = "", ...below] = stack.layers;
  const lower = { rootFd: stack.rootFd, layers: below };
  const fd = openAt(stack.rootFd, top, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    new Tidying(fd, lower, options).directory(fd, Buffer.alloc(0), rootOf(lower));
  } finally {
    closeFd(fd);
  }
}

interface TidiedEntry {
  /** The directory that it is in. */
  fd: number;
  name: Buffer;
  path: Buffer;
  status: FileStatus;
}

class Tidying {
  readonly #lower: Stack;
  readonly #options: TidyOptions;
  readonly #links: LinkBreaker;

  constructor(top: number, lower: Stack, options: TidyOptions) {
    this.#lower = lower;
    this.#options = options;
    this.#links = new LinkBreaker(top);
  }

  /** Returns how many names are left in it. */
  directory(fd: number, path: Buffer, lower: Merged | undefined): number {
    let left = 0;
    const { epochSeconds, stubs } = this.#options;
    const isAllNew = lower === undefined && epochSeconds === undefined && stubs.size === 0;
    const doubtful: Buffer[] = [];
    forEachName(fd, (name) => {
      if (isAllNew && FILES.has(name.type)) left++;
      else doubtful.push(name.bytes());
    });
    for (const name of doubtful.sort((one, other) => one.compare(other))) {
      const status = statAt(fd, name);
      if (status === undefined) continue;
      const child = path.length === 0 ? name : Buffer.concat([path, SLASH, name]);
      const before = lower === undefined ? undefined : lookUp(this.#lower, lower, name);
      if (this.#keeps({ fd, name, status, path: child }, before)) left++;
    }
    return left;
  }

  #keeps(entry: TidiedEntry, before: Merged | undefined): boolean {
    const { fd, name, status, path } = entry;
    const isDirectory = (status.mode & S_IFMT) === S_IFDIR;
    if (isWhiteout(status)) {
      if (before !== undefined) return true;
      unlinkAt(fd, name, { directory: false });
      return false;
    }
    const isStub = before === undefined && this.#options.stubs.has(path.toString());
    const isSuperfluous = isDirectory
      ? this.#subdirectory(fd, name, { path, status, before, isStub })
      : isStub && (status.mode & S_IFMT) === S_IFREG && status.sizeBytes === 0;
    if (isSuperfluous) unlinkAt(fd, name, { directory: isDirectory });
    else this.#clamp(entry);
    return !isSuperfluous;
  }

  /** Whether it is empty and says nothing that the layers below do not say. */
  #subdirectory(
    parent: number,
    name: Buffer,
    { path, status, before, isStub }: { path: Buffer; status: FileStatus; before: Merged | undefined; isStub: boolean },
  ): boolean {
    const fd = openAt(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      const merges = before !== undefined && (before.found.status.mode & S_IFMT) === S_IFDIR;
      let opaque = isOpaque(fd);
      if (opaque && !merges) {
        removeXattrFd(fd, OPAQUE_XATTR);
        opaque = false;
      }
      const left = this.directory(fd, path, merges && !opaque ? before : undefined);
      if (left > 0) return false;
      return isStub || (merges && !opaque && !differs(before.found.status, status));
    } finally {
      closeFd(fd);
    }
  }

  /** Last, since removing names changes a directory's time. A file with other names elsewhere is given an inode of its own first. */
  #clamp({ fd, name, status, path }: TidiedEntry): void {
    const { epochSeconds } = this.#options;
    if (epochSeconds === undefined) return;
    const now = statAt(fd, name);
    if (now === undefined || !isLater(now, epochSeconds)) return;
    const isShared = (status.mode & S_IFMT) === S_IFREG && this.#links.isShared(status);
    if (isShared && !this.#links.separate(fd, path, status)) return;
    const at = { seconds: epochSeconds, nanoseconds: 0 };
    timesAt(fd, name, at, at);
  }
}

function isLater({ modifiedSeconds, modifiedNanoseconds }: FileStatus, epochSeconds: bigint): boolean {
  return modifiedSeconds > epochSeconds || (modifiedSeconds === epochSeconds && modifiedNanoseconds > 0);
}
