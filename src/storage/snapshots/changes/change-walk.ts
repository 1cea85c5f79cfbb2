import {
  closeFd,
  type FileStatus,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  openAt,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  statAt,
} from "../../../kernel/files.ts";
import { names } from "../../../kernel/trees.ts";
import { getXattrFd } from "../../../kernel/xattr.ts";
import { isOpaque, isWhiteout, lookUp, type Merged, namesIn, openFound, rootOf, type Stack } from "../merged-view.ts";

export type ChangeKind = "modified" | "added" | "deleted";

/** Where a changed entry lies, for whoever wants to read it. */
export interface Place {
  directory: number;
  name: Buffer;
  status: FileStatus;
}

export interface ChangeVisitor {
  /** A directory comes before what it holds. `path`: relative, as bytes. `place`: undefined for what was deleted. */
  change(kind: ChangeKind, path: Buffer, place: Place | undefined): void;
  /**
   * A directory hides all that the layers below hold at its path; it was told of before. Undefined: then what is not in it any more
   * is told as deleted, name by name, and what is the same is left out.
   */
  opaque?(path: Buffer): void;
}

const SLASH = Buffer.from("/");
const CAPABILITY = "security.capability";

/**
 * Compares the topmost layer of a stack with what the others show. A directory counts as modified when something below it changed,
 * or its own owner or mode; its times do not count, as with Docker. `stubs`: mount points that starting a container makes (relative
 * paths); they count only if there is more to them. Synchronous: for workers that nobody can lead out of the stack.
 */
export function walkChanges(stack: Stack, stubs: ReadonlySet<string>, visitor: ChangeVisitor): void {
  const [top = "", ...below] = stack.layers;
  const lower = { rootFd: stack.rootFd, layers: below };
  const fd = openAt(stack.rootFd, top, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    new ChangeWalk(lower, stubs, visitor).directory(fd, Buffer.alloc(0), rootOf(lower));
  } finally {
    closeFd(fd);
  }
}

class ChangeWalk {
  readonly #lower: Stack;
  readonly #stubs: ReadonlySet<string>;
  readonly #visitor: ChangeVisitor;
  /** Directories on the way down that were not told of yet. */
  readonly #pending: (() => void)[] = [];

  constructor(lower: Stack, stubs: ReadonlySet<string>, visitor: ChangeVisitor) {
    this.#lower = lower;
    this.#stubs = stubs;
    this.#visitor = visitor;
  }

  directory(fd: number, path: Buffer, lower: Merged | undefined): void {
    for (const name of names(fd).sort((left, right) => left.compare(right))) {
      const status = statAt(fd, name);
      if (status === undefined) continue;
      const child = path.length === 0 ? name : Buffer.concat([path, SLASH, name]);
      const before = lower === undefined ? undefined : lookUp(this.#lower, lower, name);
      const place = { directory: fd, name, status };
      if (isWhiteout(status)) {
        if (before !== undefined) this.#tell("deleted", child, undefined);
      } else if ((status.mode & S_IFMT) === S_IFDIR) this.#subdirectory(child, place, before);
      else this.#file(child, place, before);
    }
  }

  #file(path: Buffer, place: Place, before: Merged | undefined): void {
    if (before === undefined) {
      if (place.status.sizeBytes > 0 || !this.#isStub(path)) this.#tell("added", path, place);
    } else if (differs(before.found.status, place.status) || this.#capabilityDiffers(place, before)) {
      this.#tell("modified", path, place);
    }
  }

  #subdirectory(path: Buffer, place: Place, before: Merged | undefined): void {
    const fd = openAt(place.directory, place.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    const waiting = this.#pending.length;
    try {
      const wasDirectory = before !== undefined && (before.found.status.mode & S_IFMT) === S_IFDIR;
      const kind = before === undefined ? "added" : "modified";
      const isOwnChange = before === undefined ? !this.#isStub(path) : differs(before.found.status, place.status);
      if (isOwnChange) this.#tell(kind, path, place);
      else this.#pending.push(() => this.#visitor.change(kind, path, place));
      if (wasDirectory && isOpaque(fd)) this.#opaque(fd, path, before);
      else this.directory(fd, path, wasDirectory ? before : undefined);
    } finally {
      this.#pending.length = Math.min(this.#pending.length, waiting);
      closeFd(fd);
    }
  }

  #opaque(fd: number, path: Buffer, before: Merged): void {
    if (this.#visitor.opaque !== undefined) {
      this.#tellPending();
      this.#visitor.opaque(path);
      return this.directory(fd, path, undefined);
    }
    this.directory(fd, path, before);
    const kept = new Set(names(fd).map((name) => name.toString("latin1")));
    for (const name of namesIn(this.#lower, before)) {
      if (!kept.has(name.toString("latin1"))) this.#tell("deleted", Buffer.concat([path, SLASH, name]), undefined);
    }
  }

  #tell(kind: ChangeKind, path: Buffer, place: Place | undefined): void {
    this.#tellPending();
    this.#visitor.change(kind, path, place);
  }

  #tellPending(): void {
    for (const tell of this.#pending.splice(0)) tell();
  }

  #isStub(path: Buffer): boolean {
    return this.#stubs.has(path.toString());
  }

  /** Asked only where nothing else tells them apart. */
  #capabilityDiffers(place: Place, before: Merged): boolean {
    if ((place.status.mode & S_IFMT) !== S_IFREG) return false;
    const own = capability(openAt(place.directory, place.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    const lower = openFound(this.#lower, before.found, O_RDONLY | O_NONBLOCK);
    return lower >= 0 && !own.equals(capability(lower));
  }
}

/** @see moby pkg/archive `statDifferent`: size and time of a directory say nothing. */
export function differs(before: FileStatus, after: FileStatus): boolean {
  if (before.mode !== after.mode || before.uid !== after.uid || before.gid !== after.gid) return true;
  if (before.deviceMajor !== after.deviceMajor || before.deviceMinor !== after.deviceMinor) return true;
  if ((after.mode & S_IFMT) === S_IFDIR) return false;
  return (
    before.sizeBytes !== after.sizeBytes ||
    before.modifiedSeconds !== after.modifiedSeconds ||
    before.modifiedNanoseconds !== after.modifiedNanoseconds
  );
}

function capability(fd: number): Buffer {
  try {
    return getXattrFd(fd, CAPABILITY) ?? Buffer.alloc(0);
  } finally {
    closeFd(fd);
  }
}
