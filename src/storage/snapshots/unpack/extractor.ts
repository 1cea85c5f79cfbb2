import { badTar, type TarEntry } from "../../../formats/tar/entry.ts";
import type { TarSink } from "../../../formats/tar/parser.ts";
import { EEXIST, SystemError } from "../../../kernel/errno.ts";
import {
  AT_FDCWD,
  closeFd,
  linkAt,
  makeDirAt,
  makeNodeAt,
  modeAt,
  ownAt,
  S_IFCHR,
  S_IFDIR,
  S_IFMT,
  statAt,
} from "../../../kernel/files.ts";
import { removeTree } from "../../../kernel/trees.ts";
import { setXattr } from "../../../kernel/xattr.ts";
import { closeEntryFile, type EntryFile, makeEntry, setAttributes, setTimes, writeEntryFile } from "./entry-file.ts";
import { classifyName, linkPath, parentOf } from "./entry-path.ts";
import type { UnpackLimits } from "./limits.ts";
import { SmallFiles } from "./small-files.ts";

const OPAQUE_XATTR = "trusted.overlay.opaque";
const OPAQUE_VALUE = Buffer.from("y");

const S_ISGID = 0o2000;
/** Each costs a pass over all directories of the archive. */
const MAX_REPLACED_DIRECTORIES = 1000;

export interface ExtractResult {
  entries: number;
  /** Sizes of regular files. */
  fileBytes: number;
  /** Relative paths of directories that no entry described, parents first; "" is the root. */
  implied: Buffer[];
}

export interface ExtractorOptions {
  limits: UnpackLimits;
  /** Small files are collected, and made many at once; else each when it comes. */
  batches: boolean;
  /** See `SmallFilesOptions`. */
  askForWriter?: ((shared: SharedArrayBuffer) => void) | undefined;
}

/**
 * Writes the entries of a layer below `/`, which must be the layer's own directory: for a thread that `confineThread` has confined,
 * with umask 0. Whiteouts become what overlayfs reads as such. Later entries of one name replace earlier ones.
 */
export class Extractor implements TarSink {
  readonly #limits: UnpackLimits;
  readonly result: ExtractResult = { entries: 0, fileBytes: 0, implied: [] };
  /** Directories that exist, as latin1: saves a look-up for each member. */
  readonly #known = new Set<string>([""]);
  readonly #implied = new Map<string, Buffer>([["", Buffer.alloc(0)]]);
  /** Times are set last, since making members changes them, and so is set-gid, which gives the directory's group to its members. */
  readonly #directories = new Map<string, { path: Buffer; entry: TarEntry; mode: number }>();
  /**
   * Directories whose path has no symlink in it, so that nothing below is known by another name. What such a path names is settled
   * unless it is pending; for all other paths, everything that is pending is made first.
   */
  readonly #plain = new Set<string>([""]);
  #file: EntryFile | undefined;
  readonly #batches: boolean;
  readonly #small: SmallFiles;

  constructor({ limits, batches, askForWriter }: ExtractorOptions) {
    this.#limits = limits;
    this.#batches = batches;
    this.#small = new SmallFiles({ replace: (path) => this.#remove(path), askForWriter });
  }

  entry(entry: TarEntry): void {
    if (++this.result.entries > this.#limits.entries) throw badTar(`more than ${this.#limits.entries} entries`);
    const target = classifyName(entry.name);
    switch (target.kind) {
      case "ignored":
        return;
      case "opaque":
        this.#ensureDirectory(target.path.length === 1 ? Buffer.alloc(0) : target.path);
        this.#settle(keyOf(target.path));
        setXattr(target.path, OPAQUE_XATTR, OPAQUE_VALUE);
        return;
      case "whiteout":
        this.#whiteout(target.path, entry);
        return;
      case "entry":
        this.#create(target.path, entry);
    }
  }

  data(bytes: Uint8Array, offset: number): void {
    if (this.#file !== undefined) writeEntryFile(this.#file, bytes, offset);
    else this.#small.data(bytes);
  }

  close(): void {
    const file = this.#file;
    if (file === undefined) return this.#small.close();
    this.#file = undefined;
    closeEntryFile(file);
  }

  /** After the last entry. */
  finish(): ExtractResult {
    this.#small.settle();
    this.#small.stop();
    for (const { path, entry, mode } of [...this.#directories.values()].reverse()) {
      if ((mode & S_ISGID) !== 0) modeAt(AT_FDCWD, path, mode);
      setTimes(path, entry);
    }
    this.result.implied = [...this.#implied.values()];
    return this.result;
  }

  /** After a failure: closes what is open, and makes nothing more. */
  abandon(): void {
    this.#small.stop();
    if (this.#file !== undefined) closeFd(this.#file.fd);
    this.#file = undefined;
  }

  #create(path: Buffer, given: TarEntry): void {
    const entry = given.type === "directory" ? { ...given, mode: given.mode & ~S_ISGID } : given;
    if (path.length === 1) return this.#root(entry, given.mode);
    this.#ensureDirectory(parentOf(path));
    const key = keyOf(path);
    this.#settle(key);
    if (entry.type === "directory") return this.#directory(path, entry, given.mode);
    if (this.#mayWait(key, entry)) {
      this.result.fileBytes += entry.sizeBytes;
      return this.#small.begin(path, key, entry);
    }
    try {
      this.#make(path, entry);
    } catch (error) {
      if (!(error instanceof SystemError) || error.errno !== EEXIST) throw error;
      this.#removeExisting(path);
      this.#make(path, entry);
    }
  }

  #mayWait(key: string, entry: TarEntry): boolean {
    if (!this.#batches || !SmallFiles.accepts(entry) || key.includes("\0")) return false;
    return this.#plain.has(parentKey(key)) && !this.#known.has(key);
  }

  /** Makes what is pending where that could matter to what `key` names. */
  #settle(key: string): void {
    if (this.#small.isPending(key) || !this.#plain.has(parentKey(key))) this.#small.settle();
  }

  #make(path: Buffer, entry: TarEntry): void {
    if (entry.type === "hardlink") {
      const target = linkPath(entry.linkName);
      this.#settle(keyOf(target));
      return linkAt(AT_FDCWD, target, AT_FDCWD, path);
    }
    this.#file = makeEntry(path, entry, "changed");
    if (entry.type === "file") this.result.fileBytes += entry.sizeBytes;
  }

  #root(entry: TarEntry, mode: number): void {
    if (entry.type !== "directory") throw badTar("the root is not a directory");
    modeAt(AT_FDCWD, "/", entry.mode);
    this.#described("", { path: Buffer.from("/"), entry, mode });
  }

  #directory(path: Buffer, entry: TarEntry, mode: number): void {
    const key = keyOf(path);
    const isKnown = this.#known.has(key);
    const type = isKnown ? S_IFDIR : this.#typeOf(path);
    if (type !== undefined && type !== S_IFDIR) this.#removeExisting(path);
    if (type === S_IFDIR) modeAt(AT_FDCWD, path, entry.mode);
    else makeDirAt(AT_FDCWD, path, entry.mode);
    if (type === S_IFCHR && this.#wasWhiteout) setXattr(path, OPAQUE_XATTR, OPAQUE_VALUE);
    // What is known may be a symlink to a directory.
    if (!isKnown) this.#know(key, { isReal: true });
    this.#described(key, { path: Buffer.from(path), entry, mode });
  }

  #described(key: string, directory: { path: Buffer; entry: TarEntry; mode: number }): void {
    this.#implied.delete(key);
    // A directory may give access rights to what is made in it from now on.
    if (directory.entry.xattrs.length > 0) this.#small.settle();
    setAttributes(directory.path, directory.entry, "changed");
    this.#directories.set(key, directory);
  }

  /** What hides a name of the layers below. An entry of the same name in this layer hides it by itself. */
  #whiteout(path: Buffer, entry: TarEntry): void {
    this.#ensureDirectory(parentOf(path));
    this.#settle(keyOf(path));
    const type = this.#typeOf(path);
    if (type === S_IFDIR) setXattr(path, OPAQUE_XATTR, OPAQUE_VALUE);
    if (type !== undefined) return;
    makeNodeAt(AT_FDCWD, path, S_IFCHR, { major: 0, minor: 0 });
    ownAt(AT_FDCWD, path, entry.uid, entry.gid);
  }

  /** Makes the directories of `path` ("" is the root) that are missing. Symlinks on the way lead somewhere inside the root. */
  #ensureDirectory(path: Buffer): void {
    const key = keyOf(path);
    if (this.#known.has(key)) return;
    this.#ensureDirectory(parentOf(path));
    this.#settle(key);
    const type = this.#typeOf(path);
    const isMade = type === undefined || (type === S_IFCHR && this.#wasWhiteout);
    if (isMade) {
      if (type !== undefined) this.#removeExisting(path);
      makeDirAt(AT_FDCWD, path, 0o755);
      if (type !== undefined) setXattr(path, OPAQUE_XATTR, OPAQUE_VALUE);
      this.#implied.set(key, Buffer.from(path.subarray(1)));
    }
    this.#know(key, { isReal: isMade || type === S_IFDIR });
  }

  /** `isReal`: not a symlink to a directory. */
  #know(key: string, { isReal }: { isReal: boolean }): void {
    this.#known.add(key);
    if (isReal && this.#plain.has(parentKey(key))) this.#plain.add(key);
  }

  #wasWhiteout = false;

  /** S_IFMT bits; `#wasWhiteout` tells a whiteout from other character devices. */
  #typeOf(path: Buffer): number | undefined {
    const status = statAt(AT_FDCWD, path);
    this.#wasWhiteout = status !== undefined && status.deviceMajor === 0 && status.deviceMinor === 0;
    return status === undefined ? undefined : status.mode & S_IFMT;
  }

  #removeExisting(path: Buffer): void {
    this.#small.settle();
    this.#remove(path);
  }

  /** What is in the place of a file that is no longer pending, so that nothing can be pending below it. */
  #remove(path: Buffer): void {
    const wasDirectory = this.#typeOf(path) === S_IFDIR;
    removeTree(AT_FDCWD, path);
    // Only a directory has anything remembered below it; an archive may replace files a million times.
    if (!wasDirectory) return;
    if (++this.#replacedDirectories > MAX_REPLACED_DIRECTORIES) throw badTar("too many directories replaced by others");
    const key = keyOf(path);
    // Under another name it may be plain.
    if (!this.#plain.has(parentKey(key))) this.#plain.clear();
    const isBelow = (other: string) => other === key || other.startsWith(`${key}/`);
    for (const map of [this.#known, this.#plain, this.#implied, this.#directories]) {
      for (const other of map.keys()) if (isBelow(other)) map.delete(other);
    }
  }

  #replacedDirectories = 0;
}

/** Paths as keys of maps: each byte a character. */
function keyOf(path: Buffer): string {
  return path.toString("latin1");
}

function parentKey(key: string): string {
  return key.slice(0, Math.max(key.lastIndexOf("/"), 0));
}
