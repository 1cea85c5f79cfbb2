import { copyAttributes, copyEntry } from "../../../kernel/copy-tree.ts";
import {
  closeFd,
  type FileStatus,
  linkAt,
  makeDirAt,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  openAt,
  S_IFDIR,
  S_IFMT,
  statAt,
} from "../../../kernel/files.ts";
import { cstring, ptr } from "../../../kernel/libc.ts";
import { names, removeContents, removeTree } from "../../../kernel/trees.ts";
import { tryLink } from "../../../kernel/try-link.ts";
import { setXattrFd } from "../../../kernel/xattr.ts";
import type { LinkGuard, LinkSource } from "../links/link-guard.ts";
import { isOpaque, isWhiteout, OPAQUE_XATTR } from "../merged-view.ts";

const YES = Buffer.from("y");
const SLASH = Buffer.from("/");
const COPY_BYTES = 1 << 20;

interface Pair {
  source: number;
  target: number;
}

/**
 * Puts a layer's files over those of another one in `root`, as one layer that shows what both together would: what the upper one
 * hides goes, and stays hidden in layers below. Files get further names where `links` lets them, else they are copied. By descriptor,
 * no link is followed; nobody else writes to either. For one layer. Synchronous: for workers.
 */
export class LayerStacker {
  readonly #root: number;
  readonly #links: LinkGuard;
  readonly #source: LinkSource;
  /** Path of the copy, by the inode that it was made of. */
  readonly #copies = new Map<bigint, Buffer>();
  #buffer: Uint8Array | undefined;

  constructor(root: number, links: LinkGuard, source: LinkSource) {
    this.#root = root;
    this.#links = links;
    this.#source = source;
  }

  stack(source: number): void {
    this.#directory({ source, target: this.#root }, Buffer.alloc(0));
  }

  #directory(pair: Pair, path: Buffer): void {
    for (const name of names(pair.source)) {
      const status = statAt(pair.source, name);
      if (status === undefined) continue;
      const before = statAt(pair.target, name);
      const child = path.length === 0 ? name : Buffer.concat([path, SLASH, name]);
      if (isDirectory(status)) this.#subdirectory(pair, name, { status, before, path: child });
      else {
        if (before !== undefined) removeTree(pair.target, name);
        this.#file(pair, name, { status, path: child });
      }
    }
  }

  #subdirectory(
    at: Pair,
    name: Buffer,
    { status, before, path }: { status: FileStatus; before: FileStatus | undefined; path: Buffer },
  ): void {
    const merges = before !== undefined && isDirectory(before);
    if (before !== undefined && !merges) removeTree(at.target, name);
    if (!merges) makeDirAt(at.target, name, 0o700);
    const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    const source = openAt(at.source, name, flags);
    try {
      const target = openAt(at.target, name, flags);
      try {
        // What was there hid a directory of this name below it.
        if (before !== undefined && !merges) setXattrFd(target, OPAQUE_XATTR, YES);
        else if (merges && isOpaque(source)) removeContents(target);
        this.#directory({ source, target }, path);
        copyAttributes({ source, target }, status);
      } finally {
        closeFd(target);
      }
    } finally {
      closeFd(source);
    }
  }

  #file(pair: Pair, name: Buffer, { status, path }: { status: FileStatus; path: Buffer }): void {
    const inode = Number(status.inode);
    const copied = this.#copies.get(status.inode);
    if (copied !== undefined) return linkAt(this.#root, copied, pair.target, name);
    // Whiteouts are no files of the tree: overlayfs itself makes one inode serve for many.
    if (isWhiteout(status) || this.#links.mayLink(inode, this.#source)) {
      const bytes = cstring(name);
      if (tryLink(pair.source, ptr(bytes), pair.target, ptr(bytes)) === "linked") {
        return this.#links.linked(inode, this.#source);
      }
    }
    this.#buffer ??= new Uint8Array(COPY_BYTES);
    copyEntry(pair, name, status, this.#buffer);
    if (status.links > 1 && !isWhiteout(status)) this.#copies.set(status.inode, path);
  }
}

function isDirectory(status: FileStatus): boolean {
  return !isWhiteout(status) && (status.mode & S_IFMT) === S_IFDIR;
}
