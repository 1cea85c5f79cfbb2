import { invalid } from "../../base/errors.ts";
import { ELOOP, ENOENT, ENOTDIR, SystemError } from "../../kernel/errno.ts";
import {
  closeFd,
  type FileStatus,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  type Path,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  readFull,
  readLinkAt,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  statFd,
  tryOpenAt2,
} from "../../kernel/files.ts";
import { names } from "../../kernel/trees.ts";
import { getXattrFd } from "../../kernel/xattr.ts";

/**
 * Reads through a stack of overlay directories as the kernel would show it, without mounting it. Each directory may be changed by
 * a hostile container at the same time: every step opens by descriptor and follows no symlink itself.
 * @see kernel Documentation/filesystems/overlayfs.rst "whiteouts and opaque directories"
 */
export interface Stack {
  /** Directory that `layers` are relative to. */
  rootFd: number;
  /** Topmost first. */
  layers: string[];
}

/** As the kernel's MAXSYMLINKS. */
const MAX_SYMLINKS = 40;
const MAX_COMPONENTS = 2048;
/** How overlayfs marks a directory that hides those of its name below. */
export const OPAQUE_XATTR = "trusted.overlay.opaque";
const CONFINED = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

export interface Found {
  layer: string;
  /** Relative to the layer, without symlinks. "" is the root. */
  path: Path;
  status: FileStatus;
}

/** Something of the merged view, and the layers whose directories of this path make it up. Not a directory: no layers. */
export interface Merged {
  path: Path;
  layers: string[];
  found: Found;
}

/** Where `path` of the merged view really lies, symlinks followed inside the root. undefined: nowhere. */
export function resolveMerged(stack: Stack, path: string): Found | undefined {
  const walked = walkMerged(stack, path);
  return walked?.missing.length === 0 ? walked.found : undefined;
}

/**
 * Follows `path` as far as there is something: `found` is the last of it, `missing` the names from there on, the first of which is
 * not in the directory `found`. undefined: a file or endless links are in the way.
 */
export function walkMerged(stack: Stack, path: string): { found: Found; missing: string[] } | undefined {
  const todo = components(path);
  const trail: Merged[] = [];
  const root = rootOf(stack);
  if (root === undefined) return undefined;
  trail.push(root);
  let symlinks = 0;
  for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
    const here = trail.at(-1) as Merged;
    if (next === "..") {
      if (trail.length > 1) trail.pop();
      continue;
    }
    if ((here.found.status.mode & S_IFMT) !== S_IFDIR) return undefined;
    const step = lookUp(stack, here, next);
    if (step === undefined) return { found: here.found, missing: [next, ...todo] };
    if ((step.found.status.mode & S_IFMT) !== S_IFLNK) {
      trail.push(step);
      continue;
    }
    if (++symlinks > MAX_SYMLINKS) return undefined;
    const target = readTarget(stack, step.found);
    if (target === undefined) return undefined;
    if (target.startsWith("/")) trail.length = 1;
    todo.unshift(...components(target));
    if (todo.length > MAX_COMPONENTS) return undefined;
  }
  return { found: (trail.at(-1) as Merged).found, missing: [] };
}

/** A regular file's bytes. undefined: none. Throws invalid-argument if it is larger than `limitBytes`. */
export function readMerged(stack: Stack, path: string, limitBytes: number): Uint8Array | undefined {
  const found = resolveMerged(stack, path);
  if (found === undefined || (found.status.mode & S_IFMT) !== S_IFREG) return undefined;
  const fd = openFound(stack, found, O_RDONLY | O_NONBLOCK);
  if (fd < 0) return undefined;
  try {
    const status = statFd(fd);
    if ((status.mode & S_IFMT) !== S_IFREG) return undefined;
    if (status.sizeBytes > limitBytes) throw invalid(`${path} is larger than ${limitBytes} bytes`);
    const buffer = new Uint8Array(status.sizeBytes);
    return buffer.subarray(0, readFull(fd, buffer));
  } finally {
    closeFd(fd);
  }
}

/** undefined: there is no layer. */
export function rootOf(stack: Stack): Merged | undefined {
  const [layer = ""] = stack.layers;
  const status = inspect(stack, layer)?.status;
  return status === undefined ? undefined : { path: "", layers: stack.layers, found: { layer, path: "", status } };
}

/** One name in a merged directory: the topmost entry, and for a directory those below that merge into it. */
export function lookUp(stack: Stack, directory: Merged, name: Path): Merged | undefined {
  const path = join(directory.path, name);
  const layers: string[] = [];
  let found: Found | undefined;
  for (const layer of directory.layers) {
    const entry = inspect(stack, join(layer, path));
    if (entry === undefined) continue;
    const type = entry.status.mode & S_IFMT;
    if (isWhiteout(entry.status) || (found !== undefined && type !== S_IFDIR)) break;
    found ??= { layer, path, status: entry.status };
    if (type !== S_IFDIR) break;
    layers.push(layer);
    if (entry.opaque) break;
  }
  return found === undefined ? undefined : { path, layers, found };
}

/** How overlayfs marks a name that is hidden: device 0:0. */
export function isWhiteout({ mode, deviceMajor, deviceMinor }: FileStatus): boolean {
  return (mode & S_IFMT) === S_IFCHR && deviceMajor === 0 && deviceMinor === 0;
}

export function isOpaque(directory: number): boolean {
  return getXattrFd(directory, OPAQUE_XATTR)?.toString() === "y";
}

/** Names that a merged directory shows. */
export function namesIn(stack: Stack, directory: Merged): Buffer[] {
  const found = new Map<string, Buffer>();
  for (const layer of directory.layers) {
    const fd = openFound(stack, { layer, path: directory.path }, O_RDONLY | O_DIRECTORY);
    if (fd < 0) continue;
    try {
      for (const name of names(fd)) found.set(name.toString("latin1"), name);
    } finally {
      closeFd(fd);
    }
  }
  return [...found.values()].filter((name) => lookUp(stack, directory, name) !== undefined);
}

/** The descriptor, or minus errno. Nothing is followed. */
export function openFound(stack: Stack, { layer, path }: Pick<Found, "layer" | "path">, flags: number): number {
  return tryOpenAt2(stack.rootFd, join(layer, path), flags | O_NOFOLLOW, CONFINED);
}

/** Directories are opened for reading, since O_PATH descriptors have no attributes. */
function inspect(stack: Stack, path: Path): { status: FileStatus; opaque: boolean } | undefined {
  const directory = tryOpenAt2(stack.rootFd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, CONFINED);
  if (directory >= 0) {
    try {
      return { status: statFd(directory), opaque: isOpaque(directory) };
    } finally {
      closeFd(directory);
    }
  }
  if (directory === -ENOENT) return undefined;
  const fd = tryOpenAt2(stack.rootFd, path, O_PATH | O_NOFOLLOW, CONFINED);
  if (fd === -ENOENT || fd === -ENOTDIR || fd === -ELOOP) return undefined;
  if (fd < 0) throw new SystemError("openat2", -fd, String(path));
  try {
    return { status: statFd(fd), opaque: false };
  } finally {
    closeFd(fd);
  }
}

function readTarget(stack: Stack, found: Found): string | undefined {
  const fd = openFound(stack, found, O_PATH);
  if (fd < 0) return undefined;
  try {
    return readLinkAt(fd, "").toString();
  } catch (error) {
    if (error instanceof SystemError) return undefined;
    throw error;
  } finally {
    closeFd(fd);
  }
}

function components(path: string): string[] {
  return path.split("/").filter((component) => component !== "" && component !== ".");
}

function join(left: Path, right: Path): Path {
  if (left.length === 0 || right.length === 0) return left.length === 0 ? right : left;
  if (typeof left === "string" && typeof right === "string") return `${left}/${right}`;
  return Buffer.concat([Buffer.from(left), Buffer.from("/"), Buffer.from(right)]);
}
