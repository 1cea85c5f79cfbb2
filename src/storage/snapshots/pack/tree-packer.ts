import { badTar, type TarTime } from "../../../formats/tar/entry.ts";
import type { PackEntry } from "../../../formats/tar/packer.ts";
import { EINVAL, ELOOP, ENOENT, ENOTDIR, ENXIO, SystemError } from "../../../kernel/errno.ts";
import {
  closeFd,
  type FileStatus,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  openAt,
  readLinkAt,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  statAt,
  statFd,
} from "../../../kernel/files.ts";
import { isOfKernel } from "../../../kernel/kernel-file-systems.ts";
import { names } from "../../../kernel/trees.ts";
import { MAX_PATH_BYTES, MAX_PATH_DEPTH } from "../unpack/limits.ts";
import { keptXattrs } from "./kept-xattrs.ts";
import type { TarWriter } from "./tar-writer.ts";

/** What a name that changes meanwhile may answer: it is left out, as by every tar. */
const CHANGED_MEANWHILE = [ENOENT, ENOTDIR, ELOOP, ENXIO, EINVAL];

const SLASH = Buffer.from("/");

/**
 * Writes files as tar entries, by descriptor: no link is followed, whatever is moved about meanwhile. Only regular files are ever
 * opened. Sockets have no place in an archive. Synchronous: for workers.
 */
export class TreePacker {
  readonly #writer: TarWriter;
  readonly #modifiedAt: TarTime | undefined;
  /** First name of a file with several, by device and inode. */
  readonly #links = new Map<string, Buffer>();

  /** `modifiedAt`: of every entry; undefined: each has its own. */
  constructor(writer: TarWriter, modifiedAt?: TarTime) {
    this.#writer = writer;
    this.#modifiedAt = modifiedAt;
  }

  /** What `name` in `directory` names, and all below. */
  tree(directory: number, name: Buffer, path: Buffer): void {
    this.#tree({ directory, name }, path, 0);
  }

  /**
   * All that an open directory holds, in the order of the names' bytes, each behind `prefix` ("" or what ends in a slash).
   * `hidden`: names that are shown as empty directories.
   */
  contents(directory: number, prefix: Buffer, hidden: ReadonlySet<string> = new Set()): void {
    this.#contents(directory, prefix, { depth: 0, hidden });
  }

  /** An open directory itself. */
  directory(fd: number, path: Buffer): void {
    this.#header("directory", path, { status: statFd(fd), fd });
  }

  /** One entry without what is below. Gone meanwhile: nothing. */
  entry(at: { directory: number; name: Buffer }, path: Buffer, status: FileStatus): void {
    switch (status.mode & S_IFMT) {
      case S_IFDIR:
        return this.#opened(at, O_DIRECTORY, (fd) => this.directory(fd, path));
      case S_IFREG:
        return this.#file(at, path, status);
      case S_IFLNK: {
        const linkName = readLinkAt(at.directory, at.name);
        return this.#header("symlink", path, { status, linkName });
      }
      case S_IFCHR:
        return this.#special("character", path, status);
      case S_IFBLK:
        return this.#special("block", path, status);
      case S_IFIFO:
        return this.#special("fifo", path, status);
    }
  }

  #tree(at: { directory: number; name: Buffer }, path: Buffer, depth: number): void {
    const status = statAt(at.directory, at.name);
    if (status === undefined) return;
    if ((status.mode & S_IFMT) !== S_IFDIR) return this.#quietly(() => this.entry(at, path, status));
    this.#opened(at, O_DIRECTORY, (fd) => {
      this.directory(fd, path);
      if (status.onDevice !== statFd(at.directory).onDevice && isOfKernel(fd)) return;
      this.#contents(fd, Buffer.concat([path, SLASH]), { depth: depth + 1, hidden: new Set() });
    });
  }

  #contents(fd: number, prefix: Buffer, { depth, hidden }: { depth: number; hidden: ReadonlySet<string> }): void {
    if (depth > MAX_PATH_DEPTH) throw badTar(`more than ${MAX_PATH_DEPTH} nested directories`);
    for (const name of names(fd).sort((left, right) => left.compare(right))) {
      const child = Buffer.concat([prefix, name]);
      if (child.length > MAX_PATH_BYTES) throw badTar(`a path is longer than ${MAX_PATH_BYTES} bytes`);
      if (!hidden.has(name.toString("latin1"))) this.#tree({ directory: fd, name }, child, depth);
      else this.#opened({ directory: fd, name }, O_DIRECTORY, (empty) => this.directory(empty, child));
    }
  }

  #file(at: { directory: number; name: Buffer }, path: Buffer, status: FileStatus): void {
    const first = this.#firstName(path, status);
    if (first !== undefined) return this.#header("hardlink", path, { status, linkName: first });
    this.#opened(at, O_NONBLOCK, (fd) => {
      const opened = statFd(fd);
      if ((opened.mode & S_IFMT) !== S_IFREG) return;
      this.#header("file", path, { status: opened, fd });
      this.#writer.file(fd, opened.sizeBytes);
    });
  }

  #special(type: "character" | "block" | "fifo", path: Buffer, status: FileStatus): void {
    const first = this.#firstName(path, status);
    if (first === undefined) this.#header(type, path, { status });
    else this.#header("hardlink", path, { status, linkName: first });
  }

  #firstName(path: Buffer, { links, onDevice, inode }: FileStatus): Buffer | undefined {
    if (links < 2) return undefined;
    const key = `${onDevice}:${inode}`;
    const first = this.#links.get(key);
    if (first === undefined) this.#links.set(key, path);
    return first;
  }

  #header(
    type: PackEntry["type"],
    path: Buffer,
    { status, fd, linkName }: { status: FileStatus; fd?: number; linkName?: Buffer },
  ): void {
    const isDevice = type === "character" || type === "block";
    this.#writer.header({
      type,
      name: type === "directory" ? Buffer.concat([path, SLASH]) : path,
      ...(linkName === undefined ? {} : { linkName }),
      mode: status.mode & 0o7777,
      uid: status.uid,
      gid: status.gid,
      sizeBytes: type === "file" ? status.sizeBytes : 0,
      modifiedAt: this.#modifiedAt ?? { seconds: status.modifiedSeconds, nanoseconds: status.modifiedNanoseconds },
      ...(isDevice ? { deviceMajor: status.deviceMajor, deviceMinor: status.deviceMinor } : {}),
      xattrs: fd === undefined ? [] : keptXattrs(fd),
    });
  }

  #opened(at: { directory: number; name: Buffer }, flags: number, use: (fd: number) => void): void {
    let fd = -1;
    this.#quietly(() => {
      fd = openAt(at.directory, at.name, O_RDONLY | O_NOFOLLOW | flags);
    });
    if (fd < 0) return;
    try {
      use(fd);
    } finally {
      closeFd(fd);
    }
  }

  #quietly(open: () => void): void {
    try {
      open();
    } catch (error) {
      if (!(error instanceof SystemError) || !CHANGED_MEANWHILE.includes(error.errno)) throw error;
    }
  }
}
