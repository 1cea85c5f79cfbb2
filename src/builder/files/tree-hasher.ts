import { DT_SOCK } from "../../kernel/directory-entries.ts";
import {
  closeFd,
  type FileStatus,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  openAt,
  readLinkAt,
  S_IFBLK,
  S_IFCHR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "../../kernel/files.ts";
import { xattrsOf } from "./counted-xattrs.ts";
import { hashFile } from "./hash-file.ts";
import { closeDirectory, isDirectory, list, lookUp, type OpenDirectory, openDirectory } from "./layered-tree.ts";
import type { PathFilter } from "./path-filter.ts";

const READ_BYTES = 1 << 18;

/**
 * A digest over files: names, kinds, modes, owners, links and contents, no times. Two trees of one digest are copied alike.
 * Synchronous: for workers.
 */
export class TreeHasher {
  readonly #hasher = new Bun.CryptoHasher("sha256");
  readonly #buffer = new Uint8Array(READ_BYTES);
  /** Of files with several names. */
  readonly #contents = new Map<string, string>();
  readonly #check: () => void;

  constructor(check: () => void) {
    this.#check = check;
  }

  /** What follows belongs to another source, or goes by another name. */
  begin(text: string): void {
    this.#hasher.update(`= ${JSON.stringify(text)}\n`);
  }

  /** All that the directory holds. */
  contents(directory: OpenDirectory, filter: PathFilter | undefined, path = ""): void {
    this.#check();
    const names: Buffer[] = [];
    list(directory, (name) => {
      if (name.type !== DT_SOCK) names.push(name.bytes());
    });
    for (const name of names.sort((one, other) => one.compare(other))) {
      const at = path === "" ? name.toString() : `${path}/${name.toString()}`;
      const entry = lookUp(directory, name);
      if (entry === undefined) continue;
      const taken = filter === undefined || filter.takes(at);
      if (!isDirectory(entry.status)) {
        if (taken) this.file(directory, name, at);
        continue;
      }
      if (!taken && !filter.mayTakeBelow(at)) continue;
      this.#directory(directory, name, { at, filter, status: entry.status });
    }
  }

  /** Something that is no directory. */
  file(directory: OpenDirectory, name: Buffer, as: string): void {
    const entry = lookUp(directory, name);
    if (entry === undefined) throw new Error(`${name.toString()} has gone`);
    const { status, part } = entry;
    switch (status.mode & S_IFMT) {
      case S_IFREG:
        return this.#line(as, status, this.#content(part.fd, name, status));
      case S_IFLNK:
        return this.#line(as, { ...status, mode: S_IFLNK }, readLinkAt(part.fd, name).toString("latin1"));
      case S_IFCHR:
      case S_IFBLK:
        return this.#line(as, status, `${status.deviceMajor}:${status.deviceMinor}`);
      default:
        return this.#line(as, status, "");
    }
  }

  digest(): string {
    return `sha256:${this.#hasher.digest("hex")}`;
  }

  #directory(
    parent: OpenDirectory,
    name: Buffer,
    { at, filter, status }: { at: string; filter: PathFilter | undefined; status: FileStatus },
  ): void {
    const directory = openDirectory(parent, name);
    if (directory === undefined) return;
    try {
      this.#line(at, status, xattrsOf((directory[0] as OpenDirectory[number]).fd));
      this.contents(directory, filter, at);
    } finally {
      closeDirectory(directory);
    }
  }

  #content(parent: number, name: Buffer, status: FileStatus): string {
    const key = `${status.onDevice}:${status.inode}`;
    const known = status.links > 1 ? this.#contents.get(key) : undefined;
    if (known !== undefined) return known;
    const fd = openAt(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const text = `${hashFile(fd, this.#buffer, this.#check)} ${xattrsOf(fd)}`;
      if (status.links > 1) this.#contents.set(key, text);
      return text;
    } finally {
      closeFd(fd);
    }
  }

  #line(path: string, { mode, uid, gid }: FileStatus, rest: string): void {
    this.#hasher.update(`${mode.toString(8)} ${uid} ${gid} ${JSON.stringify([path, rest])}\n`);
  }
}
