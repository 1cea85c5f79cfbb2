import { invalid } from "../../base/errors.ts";
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
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "../../kernel/files.ts";
import { entryFields } from "../../storage/snapshots/entry-fields.ts";
import { MAX_PATH_DEPTH } from "../../storage/snapshots/unpack/limits.ts";
import type { SourceEntry } from "../results.ts";
import { xattrsOf } from "./counted-xattrs.ts";
import { hashFile } from "./hash-file.ts";
import { closeDirectory, list, lookUp, type OpenDirectory, openDirectory, type Part } from "./layered-tree.ts";

const READ_BYTES = 1 << 18;
const TYPES = new Map<number, SourceEntry["type"]>([
  [S_IFREG, "file"],
  [S_IFDIR, "directory"],
  [S_IFLNK, "symlink"],
  [S_IFIFO, "fifo"],
  [S_IFCHR, "character"],
  [S_IFBLK, "block"],
]);

/**
 * Table of contents of an open directory, in the order of a file source, contents hashed. Throws invalid-argument for names that are
 * no UTF-8. Synchronous: for workers.
 */
export function scanTree(root: OpenDirectory, check: () => void): SourceEntry[] {
  const entries: SourceEntry[] = [];
  const files = new Map<string, SourceEntry>();
  const buffer = new Uint8Array(READ_BYTES);
  const walk = (directory: OpenDirectory, path: string, depth: number) => {
    if (depth > MAX_PATH_DEPTH) throw invalid(`more than ${MAX_PATH_DEPTH} nested directories`);
    check();
    const names: Buffer[] = [];
    list(directory, (name) => void names.push(name.bytes()));
    for (const name of names.sort((one, other) => one.compare(other))) {
      const own = path === "" ? textOf(name) : `${path}/${textOf(name)}`;
      const found = lookUp(directory, name);
      const type = found === undefined ? undefined : typeOf(found.status);
      if (found === undefined || type === undefined) continue;
      const { status, part } = found;
      const entry = entryOf(own, type, status);
      if (type === "symlink") entry.linkName = textOf(readLinkAt(part.fd, name));
      if (type === "file")
        describeFile(entry, { status, files, read: () => readFile(entry, part.fd, { name, buffer, check }) });
      entries.push(entry);
      if (type !== "directory") continue;
      enter(directory, name, (child) => {
        setXattrs(entry, (child[0] as Part).fd);
        walk(child, own, depth + 1);
      });
    }
  };
  walk(root, "", 0);
  return entries;
}

function enter(parent: OpenDirectory, name: Buffer, work: (child: OpenDirectory) => void): void {
  const child = openDirectory(parent, name);
  if (child === undefined) return;
  try {
    work(child);
  } finally {
    closeDirectory(child);
  }
}

/** Further names of a file in the tree are told as such; other trees may have names of it, too. */
function describeFile(
  entry: SourceEntry,
  { status, files, read }: { status: FileStatus; files: Map<string, SourceEntry>; read: () => void },
): void {
  const key = `${status.onDevice}:${status.inode}`;
  const first = status.links > 1 ? files.get(key) : undefined;
  if (first !== undefined) {
    entry.hardlinkTo = first.path;
    entry.digest = first.digest;
    if (first.xattrs !== undefined) entry.xattrs = first.xattrs;
    return;
  }
  read();
  if (status.links > 1) files.set(key, entry);
}

function readFile(
  entry: SourceEntry,
  parent: number,
  { name, buffer, check }: { name: Buffer; buffer: Uint8Array; check: () => void },
): void {
  const fd = openAt(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    entry.digest = hashFile(fd, buffer, check);
    setXattrs(entry, fd);
  } finally {
    closeFd(fd);
  }
}

function setXattrs(entry: SourceEntry, fd: number): void {
  const xattrs = xattrsOf(fd);
  if (xattrs !== "") entry.xattrs = xattrs;
}

/** What the names of the kernel's types are here; undefined: one that no tree has (a socket). */
export function typeOf({ mode }: FileStatus): SourceEntry["type"] | undefined {
  return TYPES.get(mode & S_IFMT);
}

export function entryOf(path: string, type: SourceEntry["type"], status: FileStatus): SourceEntry {
  return { ...entryFields(path, type, status), hardlinkTo: undefined, digest: "" };
}

function textOf(name: Buffer): string {
  const text = name.toString();
  if (!Buffer.from(text).equals(name)) throw invalid(`the name ${JSON.stringify(text)} is not UTF-8`);
  return text;
}
