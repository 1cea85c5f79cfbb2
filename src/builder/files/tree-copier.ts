import { invalid } from "../../base/errors.ts";
import { DT_DIR, DT_SOCK } from "../../kernel/directory-entries.ts";
import { type FileStatus, timesFd } from "../../kernel/files.ts";
import { cstring, ptr } from "../../kernel/libc.ts";
import { copyXattrsFd } from "../../kernel/xattr.ts";
import { MAX_PATH_DEPTH } from "../../storage/snapshots/unpack/limits.ts";
import {
  closeDirectory,
  isDirectory,
  list,
  lookUp,
  type OpenDirectory,
  openDirectory,
  type Part,
  statusOf,
} from "./layered-tree.ts";
import type { PathFilter } from "./path-filter.ts";
import { FilePlacer, type PlaceOptions } from "./place-file.ts";
import { childPath, likeStatus, modified, type TargetDirectory, type TargetTree } from "./target-tree.ts";

export interface CopierOptions extends PlaceOptions {
  filter: PathFilter | undefined;
  /** Called now and then; throws when the copy is given up. */
  check: () => void;
}

/** A directory of the source, and the one that it becomes: only when something is put into it, where a filter leaves things out. */
interface Pair {
  parent: Pair | undefined;
  name: Buffer;
  source: OpenDirectory;
  target: TargetDirectory | undefined;
  /** It is made by this copy. */
  isNew: boolean;
}

const CHECK_EVERY_FILES = 1024;

/** What BuildKit's COPY does to a tree. @see tonistiigi/fsutil copy/copy.go. Synchronous: for workers. */
export class TreeCopier {
  readonly #tree: TargetTree;
  readonly #options: CopierOptions;
  readonly #placer: FilePlacer;
  #files = 0;

  constructor(tree: TargetTree, options: CopierOptions) {
    this.#tree = tree;
    this.#options = options;
    this.#placer = new FilePlacer(tree, options);
  }

  /** What the directory holds, into the destination, which is made where it is not there. */
  contents(source: OpenDirectory, destination: string): void {
    this.#into(destination, (found) => {
      if (found.kind === "directory") return this.#contents(source, found.directory);
      const { directory, name } = found;
      if (this.#tree.find(directory, name) !== undefined) throw notDirectory(directory, name);
      const made = this.#tree.make(directory, name);
      try {
        this.#contents(source, made);
      } finally {
        this.#tree.leave(made);
      }
    });
  }

  /** Something that is no directory: as the destination, or under `as` in the directory that it is. */
  file(source: { directory: OpenDirectory; name: Buffer }, as: string, destination: string): void {
    const { filter } = this.#options;
    if (filter !== undefined && !filter.takes(as)) return;
    const entry = lookUp(source.directory, source.name);
    if (entry === undefined) throw new Error(`${source.name.toString()} has gone`);
    this.#into(destination, (found) => {
      const name = found.kind === "directory" ? Buffer.from(as) : found.name;
      const file = { part: entry.part, name: nameOf(source.name), inode: Number(entry.status.inode) };
      this.#placer.place(file, found.directory, nameOf(name));
    });
  }

  #into(destination: string, work: (found: ReturnType<TargetTree["resolve"]>) => void): void {
    const found = this.#tree.resolve(destination);
    try {
      work(found);
    } finally {
      this.#tree.leaveAll(found.directory);
    }
  }

  #contents(source: OpenDirectory, target: TargetDirectory): void {
    this.#walk({ parent: undefined, name: Buffer.alloc(0), source, target, isNew: false }, "", 0);
  }

  #walk(pair: Pair, path: string, depth: number): void {
    if (depth > MAX_PATH_DEPTH) throw invalid(`more than ${MAX_PATH_DEPTH} nested directories`);
    this.#options.check();
    for (const name of this.#filesOf(pair, path)) this.#subdirectory(pair, name, { path: joined(path, name), depth });
  }

  /** Places all but the directories, which it returns. */
  #filesOf(pair: Pair, path: string): Buffer[] {
    const { filter, check } = this.#options;
    const directories: Buffer[] = [];
    list(pair.source, (name, part: Part) => {
      if (name.type === DT_DIR) {
        directories.push(name.bytes());
        return;
      }
      if (name.type === DT_SOCK || (filter !== undefined && !filter.takes(joined(path, name.bytes())))) return;
      this.#placer.place({ part, name, inode: name.inode }, pair.target ?? this.#ensure(pair), name);
      if (++this.#files % CHECK_EVERY_FILES === 0) check();
    });
    return directories;
  }

  #subdirectory(parent: Pair, name: Buffer, { path, depth }: { path: string; depth: number }): void {
    const { filter } = this.#options;
    const taken = filter === undefined || filter.takes(path);
    if (!taken && !filter.mayTakeBelow(path)) return;
    const source = openDirectory(parent.source, name);
    if (source === undefined) return;
    const pair: Pair = { parent, name, source, target: undefined, isNew: false };
    try {
      if (taken) this.#ensure(pair);
      this.#walk(pair, path, depth + 1);
      if (pair.target !== undefined && (taken || pair.isNew)) this.#describe(pair.target, source);
    } finally {
      if (pair.target !== undefined) this.#tree.leave(pair.target);
      closeDirectory(source);
    }
  }

  #ensure(pair: Pair): TargetDirectory {
    if (pair.target !== undefined) return pair.target;
    const into = this.#ensure(pair.parent as Pair);
    const status = this.#tree.find(into, pair.name);
    if (status !== undefined && !isDirectory(status)) throw notDirectory(into, pair.name);
    pair.isNew = status === undefined;
    pair.target = pair.isNew ? this.#tree.makeBare(into, pair.name, 0o700) : this.#tree.enter(into, pair.name);
    return pair.target;
  }

  /** Last: what is made in a directory changes its time. */
  #describe(target: TargetDirectory, source: OpenDirectory): void {
    const fd = this.#tree.materialize(target);
    const wanted: FileStatus = this.#placer.wanted(statusOf(source));
    likeStatus(fd, wanted);
    copyXattrsFd((source[0] as Part).fd, fd);
    timesFd(fd, modified(wanted), modified(wanted));
  }
}

function notDirectory(directory: TargetDirectory, name: Buffer) {
  return invalid(`cannot copy to non-directory: ${childPath(directory, name.toString())}`);
}

function joined(path: string, name: Buffer): string {
  return path === "" ? name.toString() : `${path}/${name.toString()}`;
}

function nameOf(bytes: Buffer) {
  const terminated = cstring(bytes);
  return { address: ptr(terminated), bytes: () => terminated.subarray(0, -1) };
}
