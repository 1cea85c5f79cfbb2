import { invalid } from "../../base/errors.ts";
import { MAX_PATH_BYTES, MAX_PATH_DEPTH } from "../../storage/snapshots/unpack/limits.ts";
import type { RemoteEntry } from "../session.ts";
import { comparePaths } from "./path-order.ts";

/** What a context may hold: real ones are far below. */
export interface ContextLimits {
  entries: number;
  /** Of all files together. */
  bytes: number;
}

export const CONTEXT_LIMITS: ContextLimits = { entries: 2_000_000, bytes: 128 * 2 ** 30 };

const MAX_NAME_BYTES = 255;
/** Empty, `.` or `..`. */
const BAD_COMPONENT = /(?:^|\/)\.{0,2}(?:\/|$)/;

/**
 * Looks at what a client says of a directory, entry by entry: a name can only be one below the context, in a directory that was told
 * before, and in order, so that none comes twice. Throws invalid-argument.
 */
export class EntryCheck {
  readonly #limits: ContextLimits;
  /** Directories that are open at this point of the walk. */
  readonly #open: string[] = [];
  readonly #files = new Set<string>();
  #previous = "";
  #count = 0;
  #bytes = 0;

  constructor(limits: ContextLimits) {
    this.#limits = limits;
  }

  next(entry: RemoteEntry): void {
    const { path, type, linkName } = entry;
    checkName(path);
    if (++this.#count > this.#limits.entries) throw invalid(`build context: more than ${this.#limits.entries} files`);
    if (this.#count > 1 && comparePaths(this.#previous, path) >= 0) throw bad(path, "out of order");
    this.#previous = path;
    this.#checkParent(path);
    if (type === "directory") this.#open.push(path);
    if (type === "character" && entry.deviceMajor === 0 && entry.deviceMinor === 0)
      throw bad(path, "a device 0:0, which says in a layer that a file is removed");
    if (type !== "file") {
      if (type === "symlink" && (linkName === "" || linkName.includes("\0"))) throw bad(path, "a link to nothing");
      return;
    }
    if (linkName !== "" && !this.#files.has(linkName))
      throw bad(path, "another name of a file that was not told before");
    if (!Number.isSafeInteger(entry.sizeBytes) || entry.sizeBytes < 0) throw bad(path, "no size");
    if (linkName === "") this.#files.add(path);
    this.#bytes += linkName === "" ? entry.sizeBytes : 0;
    if (this.#bytes > this.#limits.bytes) throw invalid(`build context: larger than ${this.#limits.bytes} bytes`);
  }

  #checkParent(path: string): void {
    const slash = path.lastIndexOf("/");
    for (let last = this.#open.at(-1); last !== undefined; last = this.#open.at(-1)) {
      if (last.length === slash && path.startsWith(last)) return;
      this.#open.pop();
    }
    if (slash >= 0) throw bad(path, "its directory was not told");
  }
}

function checkName(path: string): void {
  if (BAD_COMPONENT.test(path) || path.includes("\0")) throw bad(path, "not a name below the context");
  // Nearly all names are so short that no limit can be reached: a character is three bytes at most.
  if (path.length * 3 <= MAX_NAME_BYTES) return;
  const names = path.split("/");
  if (names.length > MAX_PATH_DEPTH) throw bad(path, "too many nested directories");
  const tooLong =
    Buffer.byteLength(path) > MAX_PATH_BYTES || names.some((name) => Buffer.byteLength(name) > MAX_NAME_BYTES);
  if (tooLong) throw bad(path, "too long");
}

function bad(path: string, why: string) {
  return invalid(`build context: invalid path ${JSON.stringify(path.slice(0, 200))}: ${why}`);
}
