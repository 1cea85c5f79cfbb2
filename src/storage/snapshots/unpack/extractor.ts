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
  #file: EntryFile | undefined;

  constructor(limits: UnpackLimits) {
    this.#limits = limits;
  }

  entry(entry: TarEntry): void {
    if (++this.result.entries > this.#limits.entries) throw badTar(`more than ${this.#limits.entries} entries`);
    const target = classifyName(entry.name);
    switch (target.kind) {
      case "ignored":
        return;
      case "opaque":
        this.#ensureDirectory(target.path.length === 1 ? Buffer.alloc(0) : target.path);
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
  }

  close(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    closeEntryFile(file);
  }

  /** After the last entry. */
  finish(): ExtractResult {
    for (const { path, entry, mode } of [...this.#directories.values()].reverse()) {
      if ((mode & S_ISGID) !== 0) modeAt(AT_FDCWD, path, mode);
      setTimes(path, entry);
    }
    this.result.implied = [...this.#implied.values()];
    return this.result;
  }

  /** After a failure: closes what is open. */
  abandon(): void {
    if (this.#file !== undefined) closeFd(this.#file.fd);
    this.#file = undefined;
  }

  #create(path: Buffer, given: TarEntry): void {
    const entry = given.type === "directory" ? { ...given, mode: given.mode & ~S_ISGID } : given;
    if (path.length === 1) return this.#root(entry, given.mode);
    this.#ensureDirectory(parentOf(path));
    if (entry.type === "directory") return this.#directory(path, entry, given.mode);
    try {
      this.#make(path, entry);
    } catch (error) {
      if (!(error instanceof SystemError) || error.errno !== EEXIST) throw error;
      this.#removeExisting(path);
      this.#make(path, entry);
    }
  }

  #make(path: Buffer, entry: TarEntry): void {
    if (entry.type === "hardlink") return linkAt(AT_FDCWD, linkPath(entry.linkName), AT_FDCWD, path);
    this.#file = makeEntry(path, entry, "changed");
    if (entry.type === "file") this.result.fileBytes += entry.sizeBytes;
  }

  #root(entry: TarEntry, mode: number): void {
    if (entry.type !== "directory") throw badTar("the root is not a directory");
    modeAt(AT_FDCWD, "/", entry.mode);
    this.#described("", { path: Buffer.from("/"), entry, mode });
  }

  #directory(path: Buffer, entry: TarEntry, mode: number): void {
    const key = path.toString("latin1");
    const type = this.#known.has(key) ? S_IFDIR : this.#typeOf(path);
    if (type !== undefined && type !== S_IFDIR) this.#removeExisting(path);
    if (type === S_IFDIR) modeAt(AT_FDCWD, path, entry.mode);
    else makeDirAt(AT_FDCWD, path, entry.mode);
    if (type === S_IFCHR && this.#wasWhiteout) setXattr(path, OPAQUE_XATTR, OPAQUE_VALUE);
    this.#known.add(key);
    this.#described(key, { path: Buffer.from(path), entry, mode });
  }

  #described(key: string, directory: { path: Buffer; entry: TarEntry; mode: number }): void {
    this.#implied.delete(key);
    setAttributes(directory.path, directory.entry, "changed");
    this.#directories.set(key, directory);
  }

  /** What hides a name of the layers below. An entry of the same name in this layer hides it by itself. */
  #whiteout(path: Buffer, entry: TarEntry): void {
    this.#ensureDirectory(parentOf(path));
    const type = this.#typeOf(path);
    if (type === S_IFDIR) setXattr(path, OPAQUE_XATTR, OPAQUE_VALUE);
    if (type !== undefined) return;
    makeNodeAt(AT_FDCWD, path, S_IFCHR, { major: 0, minor: 0 });
    ownAt(AT_FDCWD, path, entry.uid, entry.gid);
  }

  /** Makes the directories of `path` ("" is the root) that are missing. Symlinks on the way lead somewhere inside the root. */
  #ensureDirectory(path: Buffer): void {
    const key = path.toString("latin1");
    if (this.#known.has(key)) return;
    this.#ensureDirectory(parentOf(path));
    const type = this.#typeOf(path);
    if (type === undefined || (type === S_IFCHR && this.#wasWhiteout)) {
      if (type !== undefined) this.#removeExisting(path);
      makeDirAt(AT_FDCWD, path, 0o755);
      if (type !== undefined) setXattr(path, OPAQUE_XATTR, OPAQUE_VALUE);
      this.#implied.set(key, Buffer.from(path.subarray(1)));
    }
    this.#known.add(key);
  }

  #wasWhiteout = false;

  /** S_IFMT bits; `#wasWhiteout` tells a whiteout from other character devices. */
  #typeOf(path: Buffer): number | undefined {
    const status = statAt(AT_FDCWD, path);
    this.#wasWhiteout = status !== undefined && status.deviceMajor === 0 && status.deviceMinor === 0;
    return status === undefined ? undefined : status.mode & S_IFMT;
  }

  #removeExisting(path: Buffer): void {
    const wasDirectory = this.#typeOf(path) === S_IFDIR;
    removeTree(AT_FDCWD, path);
    // Only a directory has anything remembered below it; an archive may replace files a million times.
    if (!wasDirectory) return;
    if (++this.#replacedDirectories > MAX_REPLACED_DIRECTORIES) throw badTar("too many directories replaced by others");
    const key = path.toString("latin1");
    const isBelow = (other: string) => other === key || other.startsWith(`${key}/`);
    for (const map of [this.#known, this.#implied, this.#directories]) {
      for (const other of map.keys()) if (isBelow(other)) map.delete(other);
    }
  }

  #replacedDirectories = 0;
}
