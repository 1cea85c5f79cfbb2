import { EngineError, invalid } from "../../../base/errors.ts";
import type { TarEntry } from "../../../formats/tar/entry.ts";
import type { TarSink } from "../../../formats/tar/parser.ts";
import { enterDirectory } from "../../../kernel/confine.ts";
import { EAGAIN, ENOENT, errnoName, SystemError } from "../../../kernel/errno.ts";
import {
  AT_FDCWD,
  closeFd,
  linkAt,
  makeDirAt,
  modeAt,
  O_DIRECTORY,
  O_PATH,
  ownAt,
  RESOLVE_NO_MAGICLINKS,
  S_IFDIR,
  S_IFMT,
  statAt,
  statFd,
  tryOpenAt2,
} from "../../../kernel/files.ts";
import { isOfKernel } from "../../../kernel/kernel-file-systems.ts";
import { removeTree } from "../../../kernel/trees.ts";
import {
  closeEntryFile,
  type EntryFile,
  makeEntry,
  setAttributes,
  setTimes,
  writeEntryFile,
} from "../unpack/entry-file.ts";
import { cleanName } from "../unpack/entry-path.ts";

export interface PlacerOptions {
  /** The extraction point, for messages. */
  path: string;
  /** A directory and something else never replace one another. */
  keepKinds: boolean;
  /** Of everything that is made, instead of what the archive says. */
  owner: { uid: number; gid: number } | undefined;
}

const MAX_ATTEMPTS = 128;
const SLASH = Buffer.from("/");

/**
 * Writes the entries of an archive below the directory `top` of the thread's root, over what is there. Each entry's directory is
 * looked up anew, links followed inside the root, and made the thread's working directory: from then on only single names are used,
 * whatever somebody renames meanwhile. For a thread that has entered a view, with umask 0.
 */
export class Placer implements TarSink {
  readonly #top: number;
  readonly #device: number;
  readonly #options: PlacerOptions;
  /** Of the present working directory, relative to `top`; undefined: elsewhere. */
  #here: string | undefined;
  #file: EntryFile | undefined;
  /** Set last: making members changes the times of their directories. */
  readonly #directories: { path: Buffer[]; entry: TarEntry }[] = [];

  constructor(top: number, options: PlacerOptions) {
    this.#top = top;
    this.#device = statFd(top).onDevice;
    this.#options = options;
  }

  entry(given: TarEntry): void {
    const path = cleanName(given.name);
    const name = path.at(-1);
    // The extraction point itself stays as it is, as with Docker.
    if (name === undefined) return;
    const entry = this.#options.owner === undefined ? given : { ...given, ...this.#options.owner };
    if (entry.type === "character" && entry.deviceMajor === 0 && entry.deviceMinor === 0)
      throw invalid(`${JSON.stringify(entry.name.toString())}: a device 0:0 says in a layer that a file is removed`);
    this.#enter(path.slice(0, -1));
    const before = statAt(AT_FDCWD, name);
    const wasDirectory = before !== undefined && (before.mode & S_IFMT) === S_IFDIR;
    const isDirectory = entry.type === "directory";
    if (before !== undefined && this.#options.keepKinds)
      checkKinds(this.#options.path, path, { wasDirectory, isDirectory });
    if (!isDirectory || !wasDirectory) {
      if (before !== undefined) this.#remove(name, wasDirectory);
      if (entry.type === "hardlink") this.#link(entry, name);
      else this.#file = makeEntry(name, entry, "always");
    }
    if (!isDirectory) return;
    setAttributes(name, entry, "always");
    modeAt(AT_FDCWD, name, entry.mode);
    this.#directories.push({ path, entry });
  }

  data(bytes: Uint8Array, offset: number): void {
    if (this.#file !== undefined) writeEntryFile(this.#file, bytes, offset);
  }

  close(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) closeEntryFile(file);
  }

  /** After the last entry. */
  finish(): void {
    for (const { path, entry } of this.#directories.reverse()) {
      this.#enter(path.slice(0, -1));
      setTimes(path.at(-1) as Buffer, entry);
    }
  }

  /** After a failure: closes what is open. */
  abandon(): void {
    if (this.#file !== undefined) closeFd(this.#file.fd);
    this.#file = undefined;
  }

  #remove(name: Buffer, wasDirectory: boolean): void {
    removeTree(AT_FDCWD, name);
    // The working directory may have been in it, by way of a link.
    if (wasDirectory) this.#here = undefined;
  }

  #link(entry: TarEntry, name: Buffer): void {
    const target = cleanName(entry.linkName);
    const base = target.at(-1);
    if (base === undefined) throw invalid(`invalid hard link ${JSON.stringify(String(entry.name))}`);
    const directory = this.#open(target.slice(0, -1));
    try {
      linkAt(directory, base, AT_FDCWD, name);
    } finally {
      closeFd(directory);
    }
  }

  /** Makes a directory below `top` the working directory; what is missing of it is made. */
  #enter(path: Buffer[]): void {
    const key = joined(path).toString("latin1");
    if (key === this.#here) return;
    this.#here = undefined;
    const fd = this.#openOrMake(path);
    try {
      enterDirectory(fd);
    } finally {
      closeFd(fd);
    }
    this.#here = key;
  }

  #openOrMake(path: Buffer[]): number {
    const found = this.#tryOpen(path);
    if (found !== -ENOENT) return this.#checked(found, path);
    const name = path.at(-1);
    if (name === undefined) throw new SystemError("openat2", ENOENT, "extraction point");
    this.#enter(path.slice(0, -1));
    makeDirAt(AT_FDCWD, name, 0o755);
    const { owner } = this.#options;
    if (owner !== undefined) ownAt(AT_FDCWD, name, owner.uid, owner.gid);
    return this.#open(path);
  }

  #open(path: Buffer[]): number {
    return this.#checked(this.#tryOpen(path), path);
  }

  #tryOpen(path: Buffer[]): number {
    const relative = path.length === 0 ? Buffer.from(".") : joined(path);
    let fd = -EAGAIN;
    for (let attempt = 0; fd === -EAGAIN && attempt < MAX_ATTEMPTS; attempt++) {
      fd = tryOpenAt2(this.#top, relative, O_PATH | O_DIRECTORY, RESOLVE_NO_MAGICLINKS);
    }
    return fd;
  }

  /** Nothing is written into /proc and the like, wherever a link leads. */
  #checked(fd: number, path: Buffer[]): number {
    if (fd < 0) throw invalid(`${joined(path).toString()}: ${errnoName(-fd)}`);
    if (statFd(fd).onDevice === this.#device || !isOfKernel(fd)) return fd;
    closeFd(fd);
    throw new EngineError("forbidden", `${joined(path).toString()} is not a place for files`);
  }
}

/** @see moby pkg/archive `Unpack`: the texts for `noOverwriteDirNonDir`. */
function checkKinds(top: string, path: Buffer[], kinds: { wasDirectory: boolean; isDirectory: boolean }): void {
  if (kinds.wasDirectory === kinds.isDirectory) return;
  const [old, other] = kinds.wasDirectory ? ["directory", "non-directory"] : ["non-directory", "directory"];
  const point = top.replace(/(?<=.)\/\.?$/, "");
  const target = JSON.stringify(`${point === "/" ? "" : point}/${joined(path).toString()}`);
  throw invalid(`cannot overwrite ${old} ${target} with ${other} ${JSON.stringify(point)}`);
}

function joined(path: Buffer[]): Buffer {
  return Buffer.concat(path.flatMap((name, index) => (index === 0 ? [name] : [SLASH, name])));
}
