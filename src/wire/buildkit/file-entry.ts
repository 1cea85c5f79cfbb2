import { invalid } from "../../base/errors.ts";
import { GO_MODE, hasGoMode } from "../file-mode.ts";

/** Type of a file by its Go mode; undefined: one that no file system has (ModeIrregular and the like). */
export function fileTypeOf(mode: number): FileType | undefined {
  const found = TYPES.filter(([, bit]) => hasGoMode(mode, bit));
  if (hasGoMode(mode, IRREGULAR) || found.length > 1) return undefined;
  const [type] = found[0] ?? (["file"] as const);
  return type === "block" && hasGoMode(mode, GO_MODE.characterDevice) ? "character" : type;
}

export type FileType = "file" | "directory" | "symlink" | "fifo" | "character" | "block" | "socket";

const IRREGULAR = 2 ** 19;

const TYPES = [
  ["directory", GO_MODE.directory],
  ["symlink", GO_MODE.symlink],
  ["block", GO_MODE.device],
  ["fifo", GO_MODE.namedPipe],
  ["socket", GO_MODE.socket],
] as const;

/** Permission bits with set-id and sticky, as the kernel has them, of a Go mode; and back, with the type's bits. */
export function permissionsOf(goMode: number): number {
  return (
    (goMode & 0o777) |
    (hasGoMode(goMode, GO_MODE.setuid) ? 0o4000 : 0) |
    (hasGoMode(goMode, GO_MODE.setgid) ? 0o2000 : 0) |
    (hasGoMode(goMode, GO_MODE.sticky) ? 0o1000 : 0)
  );
}

const KERNEL_TYPES: Record<FileType, number> = {
  file: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
  fifo: 0o010000,
  character: 0o020000,
  block: 0o060000,
  socket: 0o140000,
};

/** `st_mode` of a file, for `toGoMode`. */
export function kernelMode(type: FileType, permissions: number): number {
  return KERNEL_TYPES[type] | permissions;
}

/** Bytes of a path, and of one name in it: what Linux takes. */
const MAX_PATH_BYTES = 4096;
const MAX_NAME_BYTES = 255;

/**
 * Holds a sender to the order that fsutil promises: depth-first, names of a directory in byte order, a directory before what it
 * holds. So nothing comes twice, and nothing below a thing that is no directory. @see fsutil validator.go
 */
export class EntryOrder {
  /** Directories from the root to the last entry, each with the last name seen in it. */
  #open: { path: string; last: string }[] = [{ path: "", last: "" }];

  /** Throws invalid-argument for a path that leads out, or comes out of turn. */
  check(path: string, isDirectory: boolean): void {
    checkPath(path);
    const slash = path.lastIndexOf("/");
    const [parent, name] = slash < 0 ? ["", path] : [path.slice(0, slash), path.slice(slash + 1)];
    while (this.#open.length > 1 && this.#open.at(-1)?.path !== parent) this.#open.pop();
    const directory = this.#open.at(-1);
    if (directory === undefined || directory.path !== parent) throw outOfOrder(path);
    if (directory.last !== "" && compareNames(directory.last, name) >= 0) throw outOfOrder(path);
    directory.last = name;
    if (isDirectory) this.#open.push({ path, last: "" });
  }
}

function checkPath(path: string): void {
  const names = path.split("/");
  const bad = names.some((name) => name === "" || name === "." || name === ".." || byteLength(name) > MAX_NAME_BYTES);
  if (!bad && !path.includes("\0") && byteLength(path) <= MAX_PATH_BYTES) return;
  throw invalid(`invalid path ${JSON.stringify(path.slice(0, MAX_PATH_BYTES))} from the client`);
}

function byteLength(text: string): number {
  return Buffer.byteLength(text);
}

function outOfOrder(path: string): Error {
  return invalid(`changes out of order: ${JSON.stringify(path)}`);
}

/** In the order of their UTF-8 bytes: JavaScript's own differs from the first surrogate on. */
export function compareNames(a: string, b: string): number {
  if (BEYOND_SURROGATES.test(a) || BEYOND_SURROGATES.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

const BEYOND_SURROGATES = /[\ud800-\uffff]/;
