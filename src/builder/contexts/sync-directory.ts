import { EngineError } from "../../base/errors.ts";
import { clientXattrs } from "../files/counted-xattrs.ts";
import { PathMatcher } from "../files/path-filter.ts";
import type { SourceEntry } from "../results.ts";
import type { DirectorySink, RemoteEntry } from "../session.ts";
import { CONTEXT_LIMITS, type ContextLimits, EntryCheck } from "./check-entries.ts";
import type { DirectoryWriter } from "./directory-writer.ts";
import type { NewFile } from "./write-order.ts";

/** A file up to this size is handed to the worker whole. */
const SMALL_FILE_BYTES = 64 * 1024;
/** Files that have begun to arrive and are not whole: BuildKit's client sends four at a time. */
const MAX_OPEN_FILES = 256;

export interface SyncOptions {
  /** What the directory holds, in order. */
  kept: SourceEntry[];
  /** Patterns of what does not come in, whatever the client sends. */
  exclude: string[];
  writer: DirectoryWriter;
  /** Called before the first change. */
  beforeChange: () => void;
  onBytes: (count: number) => void;
  limits?: ContextLimits;
}

interface Incoming {
  entry: SourceEntry;
  /** Of a small file, until it is whole. undefined: what comes is handed on at once. */
  pieces: Uint8Array[] | undefined;
  receivedBytes: number;
}

/**
 * Makes a directory like a client's: names are compared as they come, only files that differ are asked for and written anew, what
 * was not named goes. `writer` must report digests to `complete`.
 */
export class DirectorySync implements DirectorySink {
  readonly #options: SyncOptions;
  readonly #check: EntryCheck;
  readonly #left: Map<string, SourceEntry>;
  readonly #ignored: PathMatcher;
  readonly #result: SourceEntry[] = [];
  readonly #incoming = new Map<number, Incoming>();
  readonly #written = new Map<number, SourceEntry>();
  readonly #links: SourceEntry[] = [];
  /** Files that are written anew: further names of them are of an old one. */
  readonly #rewritten = new Set<string>();
  /** Ignored directories that something excepted may be in; they are taken when it comes. */
  readonly #pending: RemoteEntry[] = [];
  /** Directories in which something changes, or which are new: their times are set last. */
  readonly #touched = new Set<string>();
  #changed = false;
  #open = 0;

  constructor(options: SyncOptions) {
    this.#options = options;
    this.#check = new EntryCheck(options.limits ?? CONTEXT_LIMITS);
    this.#left = new Map(options.kept.map((entry) => [entry.path, entry]));
    this.#ignored = new PathMatcher(options.exclude);
  }

  get hasChanged(): boolean {
    return this.#changed;
  }

  entry(remote: RemoteEntry, index: number): boolean {
    this.#check.next(remote);
    // A socket means nothing without the process behind it.
    if (remote.type === "socket" || this.#isIgnored(remote)) return false;
    for (const directory of this.#pending.splice(0)) {
      if (remote.path.startsWith(`${directory.path}/`)) this.#take(directory, -1);
    }
    return this.#take(remote, index);
  }

  data(index: number, bytes: Uint8Array): void | Promise<void> {
    const incoming = this.#incomingOf(index);
    if (incoming.receivedBytes === 0 && bytes.length > 0) this.#begin(incoming.entry, index, incoming.pieces);
    incoming.receivedBytes += bytes.length;
    if (incoming.receivedBytes > incoming.entry.sizeBytes) throw changedMeanwhile(incoming.entry);
    this.#options.onBytes(bytes.length);
    // Whoever calls may use its buffer again.
    const own = new Uint8Array(bytes);
    if (incoming.pieces !== undefined) {
      incoming.pieces.push(own);
      return;
    }
    return this.#options.writer.write({ step: "data", id: index, data: own });
  }

  end(index: number): void | Promise<void> {
    const { entry, pieces, receivedBytes } = this.#incomingOf(index);
    if (receivedBytes !== entry.sizeBytes) throw changedMeanwhile(entry);
    this.#incoming.delete(index);
    if (receivedBytes > 0) this.#open--;
    if (pieces === undefined) return this.#options.writer.write({ step: "close", id: index });
    const data = pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces);
    return this.#options.writer.write({ step: "file", ...newFile(entry, index), data });
  }

  /** A file is whole: its digest. */
  complete(id: number, digest: string): void {
    const entry = this.#written.get(id);
    if (entry !== undefined) entry.digest = digest;
    this.#written.delete(id);
  }

  /** After the client's last word. The table of contents. */
  async finish(): Promise<SourceEntry[]> {
    const { writer } = this.#options;
    const unfinished = this.#incoming.values().next().value;
    if (unfinished !== undefined) throw changedMeanwhile(unfinished.entry);
    for (const { path } of [...this.#left.values()].reverse()) await this.#write({ step: "remove", path }, path);
    for (const { path, hardlinkTo = "" } of this.#links)
      await this.#write({ step: "link", path, to: hardlinkTo }, path);
    const directories = this.#result.filter(({ type, path }) => type === "directory" && this.#touched.has(path));
    for (const { path, mode, modifiedNs } of directories.reverse()) {
      await writer.write({ step: "describe", path, mode, modifiedNs });
    }
    await writer.settle();
    this.#followLinks();
    return this.#result;
  }

  #isIgnored(remote: RemoteEntry): boolean {
    const { path, type } = remote;
    if (!this.#ignored.matches(path)) return false;
    if (type === "directory" && this.#ignored.mayHoldException(path)) this.#pending.push(remote);
    return true;
  }

  #take(remote: RemoteEntry, index: number): boolean {
    const entry = entryOf(remote);
    const kept = this.#left.get(entry.path);
    this.#left.delete(entry.path);
    const isStale = entry.hardlinkTo !== undefined && this.#rewritten.has(entry.hardlinkTo);
    if (kept !== undefined && !isStale && isSame(kept, entry)) {
      this.#result.push(kept);
      return false;
    }
    this.#result.push(entry);
    if (kept?.type === "directory" && entry.type === "directory") {
      this.#touch(entry.path);
      return false;
    }
    if (kept !== undefined) this.#writeNow({ step: "remove", path: entry.path }, entry.path);
    return this.#make(entry, index);
  }

  /** True: its content is wanted. */
  #make(entry: SourceEntry, index: number): boolean {
    const { path, type, mode, modifiedNs } = entry;
    if (type === "file" && entry.hardlinkTo === undefined) {
      this.#receive(entry, index);
      return true;
    }
    if (type === "file") this.#links.push(entry);
    else if (type === "directory") {
      this.#writeNow({ step: "directory", path }, path);
      this.#touched.add(path);
    } else if (type === "symlink") {
      this.#writeNow({ step: "symlink", path, target: entry.linkName, modifiedNs }, path);
    } else {
      const { deviceMajor: major, deviceMinor: minor } = entry;
      this.#writeNow({ step: "node", path, type, mode, major, minor, modifiedNs }, path);
    }
    return false;
  }

  #receive(entry: SourceEntry, id: number): void {
    const { path, sizeBytes } = entry;
    const isSmall = sizeBytes <= SMALL_FILE_BYTES;
    this.#written.set(id, entry);
    this.#rewritten.add(path);
    this.#touch(parentOf(path));
    this.#incoming.set(id, { entry, pieces: isSmall ? [] : undefined, receivedBytes: 0 });
  }

  /** The first bytes of a file: only now is it open. */
  #begin(entry: SourceEntry, id: number, pieces: Uint8Array[] | undefined): void {
    if (++this.#open > MAX_OPEN_FILES) {
      throw new EngineError("invalid-argument", `build context: more than ${MAX_OPEN_FILES} files at the same time`);
    }
    if (pieces === undefined) this.#writeNow({ step: "open", ...newFile(entry, id) }, entry.path);
  }

  #incomingOf(index: number): Incoming {
    const incoming = this.#incoming.get(index);
    if (incoming === undefined)
      throw new EngineError("invalid-argument", `build context: file ${index} was not asked for`);
    return incoming;
  }

  /** Names are small, and come no faster than they are read: nobody waits here. */
  #writeNow(step: Parameters<DirectoryWriter["write"]>[0], path: string): void {
    void this.#write(step, path);
  }

  #write(step: Parameters<DirectoryWriter["write"]>[0], path: string): void | Promise<void> {
    this.#touch(parentOf(path));
    return this.#options.writer.write(step);
  }

  #touch(directory: string): void {
    if (!this.#changed) this.#options.beforeChange();
    this.#changed = true;
    this.#touched.add(directory);
  }

  /** Further names have the content, mode and time of the first. */
  #followLinks(): void {
    if (this.#links.length === 0) return;
    const byPath = new Map(this.#result.map((entry) => [entry.path, entry]));
    for (const link of this.#links) {
      const first = byPath.get(link.hardlinkTo as string);
      if (first === undefined)
        throw new EngineError("invalid-argument", `build context: ${link.path}: ${link.hardlinkTo} is left out`);
      const { mode, modifiedNs, sizeBytes, digest, xattrs } = first;
      Object.assign(link, { mode, modifiedNs, sizeBytes, digest, ...(xattrs === undefined ? {} : { xattrs }) });
    }
  }
}

/** Files of a context belong to root, as with Docker. */
function entryOf(remote: RemoteEntry): SourceEntry {
  const { path, type, mode, sizeBytes, modifiedNs, linkName, deviceMajor, deviceMinor } = remote;
  const isNode = type === "character" || type === "block";
  const xattrs = type === "file" && linkName === "" ? clientXattrs(remote.xattrs) : "";
  return {
    ...(xattrs === "" ? {} : { xattrs }),
    path,
    type: type === "socket" ? "fifo" : type,
    mode: type === "symlink" ? 0o777 : mode & 0o7777,
    uid: 0,
    gid: 0,
    sizeBytes: type === "file" ? sizeBytes : 0,
    modifiedNs,
    linkName: type === "symlink" ? linkName : "",
    hardlinkTo: type === "file" && linkName !== "" ? linkName : undefined,
    digest: "",
    deviceMajor: isNode ? deviceMajor : 0,
    deviceMinor: isNode ? deviceMinor : 0,
  };
}

function newFile({ path, mode, modifiedNs, xattrs = "" }: SourceEntry, id: number): NewFile {
  return { id, path, mode, modifiedNs, xattrs };
}

/** A directory's time and mode are told apart: they can be changed where it is. */
function isSame(kept: SourceEntry, entry: SourceEntry): boolean {
  // Another name says nothing that the first does not, and clients differ in what they say.
  if (entry.hardlinkTo !== undefined) return kept.hardlinkTo === entry.hardlinkTo;
  return (
    kept.type === entry.type &&
    kept.mode === entry.mode &&
    kept.modifiedNs === entry.modifiedNs &&
    kept.sizeBytes === entry.sizeBytes &&
    kept.linkName === entry.linkName &&
    kept.hardlinkTo === entry.hardlinkTo &&
    kept.deviceMajor === entry.deviceMajor &&
    kept.deviceMinor === entry.deviceMinor &&
    kept.xattrs === entry.xattrs
  );
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}

function changedMeanwhile({ path }: SourceEntry): EngineError {
  return new EngineError("invalid-argument", `build context: ${path} changed while it was sent`);
}
