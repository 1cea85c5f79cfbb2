import { EngineError, invalid } from "../../../base/errors.ts";
import { ENOENT, errnoName } from "../../../kernel/errno.ts";
import {
  closeFd,
  O_NOFOLLOW,
  O_PATH,
  readLinkInRoot,
  S_IFLNK,
  S_IFMT,
  statFd,
  tryOpenInRoot,
} from "../../../kernel/files.ts";
import { isOfKernel } from "../../../kernel/kernel-file-systems.ts";

/** What a path of a container is: the link itself where the last component is one, unless a slash follows it. */
export interface PathStatus {
  /** The last component. */
  name: string;
  sizeBytes: number;
  /** Type and permission bits. */
  mode: number;
  modifiedSeconds: bigint;
  modifiedNanoseconds: number;
  /** Of a link: where it leads, all links on the way followed as far as they exist. Absolute. Else "". */
  linkTarget: string;
}

/** As the kernel's and Docker's: 255 links are enough. */
const MAX_LINKS = 255;

/** Throws not-found, or invalid-argument for a path that leads through a file. `path`: absolute. */
export function readPathStatus(root: number, path: string): PathStatus {
  const fd = openPath(root, path);
  try {
    const status = statFd(fd);
    return {
      name: baseName(path),
      sizeBytes: status.sizeBytes,
      mode: status.mode,
      modifiedSeconds: status.modifiedSeconds,
      modifiedNanoseconds: status.modifiedNanoseconds,
      linkTarget: (status.mode & S_IFMT) === S_IFLNK ? followLinks(root, path) : "",
    };
  } finally {
    closeFd(fd);
  }
}

/** An O_PATH descriptor of what is there. What the kernel shows of itself (/proc, /sys) is an empty directory, as with Docker. */
function openPath(root: number, path: string): number {
  const fd = tryOpenInRoot(root, path, O_PATH | O_NOFOLLOW);
  if (fd === -ENOENT) throw noSuchFile(path);
  if (fd < 0) throw invalid(`lstat ${path}: ${errnoName(-fd)}`);
  if (!isOfKernel(fd) || isMountPoint(root, path)) return fd;
  closeFd(fd);
  throw noSuchFile(path);
}

/** Of a kernel file system: what is above it is none. */
function isMountPoint(root: number, path: string): boolean {
  const above = tryOpenInRoot(root, `${path}/..`, O_PATH);
  if (above < 0) return false;
  try {
    return !isOfKernel(above);
  } finally {
    closeFd(above);
  }
}

export function noSuchFile(path: string): EngineError {
  return new EngineError("not-found", `no such file: ${path}`);
}

/** The last component of a path; of the root itself "/". */
export function baseName(path: string): string {
  const clean = path.replace(/\/+$/, "");
  return clean === "" ? "/" : clean.slice(clean.lastIndexOf("/") + 1);
}

function followLinks(root: number, path: string): string {
  const todo = components(path);
  let done: string[] = [];
  for (let links = 0, next = todo.shift(); next !== undefined; next = todo.shift()) {
    if (next === "..") {
      done.pop();
      continue;
    }
    const target = readLinkInRoot(root, `/${[...done, next].join("/")}`);
    if (target === undefined) {
      done.push(next);
      continue;
    }
    if (++links > MAX_LINKS) throw invalid(`lstat ${path}: too many links`);
    if (target.startsWith("/")) done = [];
    todo.unshift(...components(target));
  }
  return `/${done.join("/")}`;
}

function components(path: string): string[] {
  return path.split("/").filter((component) => component !== "" && component !== ".");
}
