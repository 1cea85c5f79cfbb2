import { copyContents } from "../../kernel/copy-contents.ts";
import { ENOENT, SystemError } from "../../kernel/errno.ts";
import {
  closeFd,
  type FileStatus,
  linkAt,
  makeNodeAt,
  modeAt,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  openAt,
  ownAt,
  readLinkAt,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  statAt,
  symlinkAt,
  timesAt,
  timesFd,
} from "../../kernel/files.ts";
import { cstring, ptr } from "../../kernel/libc.ts";
import { tryLink } from "../../kernel/try-link.ts";
import { copyXattrsFd } from "../../kernel/xattr.ts";
import type { LinkGuard, LinkSource } from "../../storage/snapshots/links/link-guard.ts";
import type { LinkOrigin } from "../../storage/snapshots/links/link-origins.ts";
import type { ModeChange } from "./file-mode.ts";
import { isDirectory, type Part } from "./layered-tree.ts";
import { likeStatus, modified, type TargetDirectory, type TargetTree } from "./target-tree.ts";

export interface PlaceOptions {
  owner: { uid: number; gid: number } | undefined;
  mode: ModeChange | undefined;
  /** Of all that goes into one layer. */
  links: LinkGuard;
  /** Where the files of each layer of the source may have been made. */
  origins: readonly (readonly LinkOrigin[])[];
}

/** A name in memory: NUL-terminated at `address`, and as bytes for whoever needs them. */
export interface Name {
  address: number;
  bytes(): Buffer;
}

/** Something of a source that is no directory. */
export interface SourceFile {
  part: Part;
  name: Name;
  inode: number;
}

/**
 * Puts files into a target: as further names of the same file where nothing about it changes, which costs one system call, else as
 * copies. Nobody ever writes to a file of a context or layer, so what is shared stays what it is. For one of the things that an
 * instruction selects: what is selected twice is two files. Synchronous: for workers.
 */
export class FilePlacer {
  readonly #tree: TargetTree;
  readonly #options: PlaceOptions;
  /** Where the first name of a copied file is, in the new layer: further names of the file become names of the copy. */
  readonly #copies = new Map<string, Buffer>();
  /** By layer. */
  readonly #sources: LinkSource[] = [];

  constructor(tree: TargetTree, options: PlaceOptions) {
    this.#tree = tree;
    this.#options = options;
  }

  /** Throws invalid-argument where a directory is. */
  place(file: SourceFile, directory: TargetDirectory, target: Name): void {
    const into = this.#tree.materialize(directory);
    const { part, name } = file;
    const { links, owner, mode } = this.#options;
    const source = this.#sourceOf(part);
    const mayLink = links.mayLink(file.inode, source);
    if (mayLink && owner === undefined && mode === undefined) {
      // Where nothing shows through, only what is in the new layer can be in the way.
      if (directory.lower !== undefined) this.#tree.clear(directory, target.bytes());
      let outcome = tryLink(part.fd, name.address, into, target.address);
      if (outcome === "exists") {
        this.#tree.clear(directory, target.bytes());
        outcome = tryLink(part.fd, name.address, into, target.address);
      }
      if (outcome === "linked") return links.linked(file.inode, source);
    }
    this.#changed(file, directory, { name: target.bytes(), mayLink });
  }

  /** Something about it changes, or it cannot be shared. */
  #changed(file: SourceFile, directory: TargetDirectory, { name, mayLink }: { name: Buffer; mayLink: boolean }): void {
    const { part } = file;
    const source = file.name.bytes();
    const status = statAt(part.fd, source);
    if (status === undefined) throw new SystemError("statx", ENOENT, source.toString());
    if ((status.mode & S_IFMT) === S_IFSOCK) return;
    const wanted = this.wanted(status);
    this.#tree.clear(directory, name);
    const into = directory.upper;
    const key = `${part.layer}:${status.onDevice}:${status.inode}`;
    const first = status.links > 1 ? this.#copies.get(key) : undefined;
    if (first !== undefined) return linkAt(this.#tree.root.upper, first, into, name);
    if (mayLink && isSame(status, wanted) && this.#tryLink({ part, source }, into, name)) {
      return this.#options.links.linked(file.inode, this.#sourceOf(part));
    }
    if ((status.mode & S_IFMT) === S_IFREG) copyFile({ part, source, wanted }, into, name);
    else copyNode({ part, source, wanted }, into, name);
    if (status.links > 1) this.#copies.set(key, relativeTo(directory, name));
  }

  #sourceOf({ layer }: Part): LinkSource {
    this.#sources[layer] ??= this.#options.links.source(this.#options.origins[layer] ?? []);
    return this.#sources[layer] as LinkSource;
  }

  #tryLink({ part, source }: { part: Part; source: Buffer }, into: number, name: Buffer): boolean {
    const [from, to] = [cstring(source), cstring(name)];
    return tryLink(part.fd, ptr(from), into, ptr(to)) === "linked";
  }

  /** What a file or directory becomes. */
  wanted(status: FileStatus): FileStatus {
    const { owner, mode } = this.#options;
    const isLink = (status.mode & S_IFMT) === S_IFLNK;
    const own = status.mode & 0o7777;
    const permissions = mode === undefined || isLink ? own : mode(own, isDirectory(status));
    return { ...status, ...owner, mode: (status.mode & S_IFMT) | permissions };
  }
}

function isSame(one: FileStatus, other: FileStatus): boolean {
  return one.mode === other.mode && one.uid === other.uid && one.gid === other.gid;
}

interface Original {
  part: Part;
  source: Buffer;
  wanted: FileStatus;
}

function copyFile({ part, source, wanted }: Original, into: number, name: Buffer): void {
  const from = openAt(part.fd, source, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const to = openAt(into, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600);
    try {
      copyContents(from, to, wanted.sizeBytes);
      likeStatus(to, wanted);
      // After the owner, whose change takes capabilities away.
      copyXattrsFd(from, to);
      timesFd(to, modified(wanted), modified(wanted));
    } finally {
      closeFd(to);
    }
  } finally {
    closeFd(from);
  }
}

function copyNode({ part, source, wanted }: Original, into: number, name: Buffer): void {
  const isLink = (wanted.mode & S_IFMT) === S_IFLNK;
  if (isLink) symlinkAt(readLinkAt(part.fd, source), into, name);
  else makeNodeAt(into, name, wanted.mode, { major: wanted.deviceMajor, minor: wanted.deviceMinor });
  ownAt(into, name, wanted.uid, wanted.gid);
  if (!isLink) modeAt(into, name, wanted.mode);
  timesAt(into, name, modified(wanted), modified(wanted));
}

function relativeTo({ relative }: TargetDirectory, name: Buffer): Buffer {
  return relative.length === 0 ? name : Buffer.concat([relative, Buffer.from("/"), name]);
}
