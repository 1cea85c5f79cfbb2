import { errorToValue } from "../../../base/error-value.ts";
import { EngineError, invalid } from "../../../base/errors.ts";
import {
  closeFd,
  type FileStatus,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  openAt,
  readFull,
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
  tryOpenInRoot,
} from "../../../kernel/files.ts";
import { type EnteredView, enterRootView } from "../../../kernel/root-view.ts";
import { names } from "../../../kernel/trees.ts";
import { entryFields } from "../entry-fields.ts";
import { MAX_PATH_DEPTH } from "../unpack/limits.ts";
import { keptXattrs } from "./kept-xattrs.ts";
import type { TreeEntry, TreeReply, TreeRequest, TreeStart } from "./tree-reader.ts";

declare const self: Worker;

/** Entries of one answer. */
const BATCH = 256;
/** Files up to here are read at once. */
const SMALL_BYTES = 1 << 17;
/** Names of a directory that are told: a list of packages may be one file for each. */
const MAX_NAMES = 20_000;

const TYPES: Record<number, TreeEntry["type"]> = {
  [S_IFREG]: "file",
  [S_IFDIR]: "directory",
  [S_IFLNK]: "symlink",
  [S_IFIFO]: "fifo",
  [S_IFCHR]: "character",
  [S_IFBLK]: "block",
};

let entered: EnteredView | undefined;
/** Why there is no view: the answer to everything. */
let broken: unknown;
let walk: Generator<TreeEntry> | undefined;

self.onmessage = ({ data }: MessageEvent<TreeStart | TreeRequest>) => {
  if ("view" in data) return start(data);
  try {
    postMessage(answer(data));
  } catch (error) {
    postMessage({ failed: errorToValue(error) } satisfies TreeReply);
  }
};

function start({ view }: TreeStart): void {
  try {
    entered = enterRootView(view, { writable: false });
  } catch (error) {
    broken = error;
  }
}

function answer(request: TreeRequest): TreeReply {
  if ("leave" in request) {
    walk?.return(undefined);
    entered?.leave();
    return { left: true };
  }
  if (entered === undefined) throw broken;
  if ("next" in request) return nextEntries(entered.root);
  if ("names" in request) return { names: namesAt(entered.root, request.names) };
  return contentOf(openFile(entered.root, request.open));
}

function nextEntries(root: number): TreeReply {
  walk ??= walkTree(root, "", { depth: 0, links: new Map() });
  const entries: TreeEntry[] = [];
  while (entries.length < BATCH) {
    const next = walk.next();
    if (next.done === true) {
      walk = undefined;
      return { entries, isLast: true };
    }
    entries.push(next.value);
  }
  return { entries, isLast: false };
}

function* walkTree(
  directory: number,
  prefix: string,
  { depth, links }: { depth: number; links: Map<string, string> },
): Generator<TreeEntry> {
  if (depth > MAX_PATH_DEPTH) throw invalid(`more than ${MAX_PATH_DEPTH} nested directories`);
  for (const name of names(directory).sort((left, right) => left.compare(right))) {
    const status = statAt(directory, name);
    const type = TYPES[(status?.mode ?? 0) & S_IFMT];
    if (status === undefined || type === undefined) continue;
    const path = prefix + textOf(name);
    if (type !== "directory") {
      yield entryOf({ directory, name }, { path, type, status, links });
      continue;
    }
    const fd = openAt(directory, name, O_RDONLY | O_NOFOLLOW | O_DIRECTORY);
    try {
      yield { ...common(path, type, statFd(fd)), xattrs: xattrsOf(fd) };
      yield* walkTree(fd, `${path}/`, { depth: depth + 1, links });
    } finally {
      closeFd(fd);
    }
  }
}

function entryOf(
  at: { directory: number; name: Buffer },
  {
    path,
    type,
    status,
    links,
  }: { path: string; type: TreeEntry["type"]; status: FileStatus; links: Map<string, string> },
): TreeEntry {
  const entry = common(path, type, status);
  if (type === "symlink") return { ...entry, linkName: textOf(readLinkAt(at.directory, at.name)) };
  if (type !== "file") return entry;
  const key = `${status.onDevice}:${status.inode}`;
  const first = status.links > 1 ? links.get(key) : undefined;
  if (first !== undefined) return { ...entry, linkName: first };
  if (status.links > 1) links.set(key, path);
  const fd = openAt(at.directory, at.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    return { ...entry, xattrs: xattrsOf(fd) };
  } finally {
    closeFd(fd);
  }
}

function common(path: string, type: TreeEntry["type"], status: FileStatus): TreeEntry {
  return { ...entryFields(path, type, status), xattrs: new Map() };
}

function xattrsOf(fd: number): TreeEntry["xattrs"] {
  return new Map(keptXattrs(fd).map(({ name, value }) => [name.toString("latin1"), value]));
}

function textOf(name: Buffer): string {
  const text = name.toString();
  if (!Buffer.from(text).equals(name)) throw invalid(`the name ${JSON.stringify(text)} is not UTF-8`);
  return text;
}

function namesAt(root: number, path: string): string[] {
  const fd = tryOpenInRoot(root, path, O_RDONLY | O_DIRECTORY);
  if (fd < 0) return [];
  try {
    return names(fd)
      .slice(0, MAX_NAMES)
      .map((name) => name.toString());
  } finally {
    closeFd(fd);
  }
}

/** Most files are small: then there is no second way to go for their bytes. */
function contentOf(fd: number): TreeReply {
  const { sizeBytes } = statFd(fd);
  if (sizeBytes > SMALL_BYTES) return { fd };
  try {
    const bytes = new Uint8Array(sizeBytes);
    return { bytes: bytes.subarray(0, readFull(fd, bytes)) };
  } finally {
    closeFd(fd);
  }
}

function openFile(root: number, path: string): number {
  const fd = tryOpenInRoot(root, path, O_RDONLY | O_NONBLOCK);
  const isFile = fd >= 0 && (statFd(fd).mode & S_IFMT) === S_IFREG;
  if (isFile) return fd;
  if (fd >= 0) closeFd(fd);
  throw new EngineError("not-found", `no such file: ${path}`);
}
