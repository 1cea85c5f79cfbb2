import {
  type BigIntStats,
  closeSync,
  constants,
  type Dirent,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from "node:fs";
import { splitDevice } from "../../base/device-number.ts";
import type { Matcher, MatchState } from "../../formats/dockerignore/patterns.ts";
import type { WalkEntry, WalkEntryType } from "../../wire/build-walk.ts";
import type { Inclusion } from "./selection.ts";

/** A directory that is given to a build: one of the disk's, or files that exist only here. */
export interface FileTree {
  /** Entries in the order of a walk, with the directories above what is selected. */
  walk(selection: Selection): Iterable<WalkEntry>;
  /** Names to which links among these lead. */
  follow(paths: readonly string[]): string[];
  open(path: string): OpenFile;
}

export interface Selection {
  include: Inclusion;
  /** Of `.dockerignore`. */
  exclude: Matcher;
}

export interface OpenFile {
  /** Into `buffer` from `at`; 0 at the file's end. */
  read(buffer: Uint8Array, at: number, length: number): number;
  close(): void;
}

const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const NANOSECONDS = 1_000_000_000n;

interface Level {
  /** "" at the top. */
  path: string;
  names: Dirent[];
  next: number;
  /** What the ignore patterns say of it. */
  state: MatchState;
  /** The directory's own entry, until something below it is selected. */
  held: WalkEntry | undefined;
}

/** Walks `root` without following links. Sockets are left out, as are names that vanish meanwhile. */
export function* walkDisk(root: string, { include, exclude }: Selection): Generator<WalkEntry> {
  const links = new Map<string, string>();
  const levels: Level[] = [{ path: "", names: namesOf(root, ""), next: 0, state: exclude.top, held: undefined }];
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const name = level.names[level.next++];
    if (name === undefined) {
      levels.pop();
      continue;
    }
    const path = level.path === "" ? name.name : `${level.path}/${name.name}`;
    const state = exclude.step(path, level.state);
    const excluded = state.matched;
    const selected = !excluded && include.includes(path);
    const descends =
      name.isDirectory() && (!excluded || exclude.mayHoldException(path, state)) && include.mayHold(path);
    if (!selected && !descends) continue;
    if (selected) checkName(path);
    const entry = entryOf(root, path, links);
    if (entry === undefined) continue;
    if (selected) {
      for (const above of levels) {
        if (above.held !== undefined) yield above.held;
        above.held = undefined;
      }
      yield entry;
    }
    if (descends && entry.type === "directory") {
      levels.push({ path, names: namesOf(root, path), next: 0, state, held: selected ? undefined : entry });
    }
  }
}

/** In the order of their bytes. */
function namesOf(root: string, path: string): Dirent[] {
  let names: Dirent[];
  try {
    names = readdirSync(`${root}/${path}`, { withFileTypes: true });
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code === "ENOENT" && path !== "") return [];
    throw new Error(
      `error from sender: open ${root}/${path}: ${code === "EACCES" ? "permission denied" : (error as Error).message}`,
    );
  }
  // UTF-16 has the order of UTF-8 but where there are surrogates.
  if (names.some(({ name }) => BEYOND_ASCII.test(name))) {
    return names.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  }
  return names.sort((a, b) => (a.name < b.name ? -1 : 1));
}

const BEYOND_ASCII = /[^\0-\x7f]/;

/** A name that is no UTF-8 was read with replacement characters, and cannot be sent as it is. */
function checkName(path: string): void {
  if (path.includes("\ufffd")) throw new Error(`the name of ${JSON.stringify(path)} is not valid UTF-8`);
}

function entryOf(root: string, path: string, links: Map<string, string>): WalkEntry | undefined {
  const status = lstatSync(`${root}/${path}`, { bigint: true, throwIfNoEntry: false });
  const type = status === undefined ? undefined : typeOf(status);
  if (status === undefined || type === undefined) return undefined;
  let seconds = status.mtimeNs / NANOSECONDS;
  if (seconds * NANOSECONDS > status.mtimeNs) seconds--;
  const isDevice = type === "character" || type === "block";
  const { major, minor } = isDevice ? splitDevice(status.rdev) : { major: 0, minor: 0 };
  const linkName =
    type === "symlink" ? readlinkSync(`${root}/${path}`) : type === "file" ? firstName(status, path, links) : "";
  return {
    path,
    type,
    mode: Number(status.mode) & 0o7777,
    sizeBytes: type === "file" ? Number(status.size) : 0,
    modifiedSeconds: Number(seconds),
    modifiedNanoseconds: Number(status.mtimeNs - seconds * NANOSECONDS),
    linkName,
    deviceMajor: major,
    deviceMinor: minor,
  };
}

/** Of a file with several names that were selected; "" for its first. */
function firstName(status: BigIntStats, path: string, links: Map<string, string>): string {
  if (status.nlink < 2n) return "";
  const key = `${status.dev}:${status.ino}`;
  const first = links.get(key);
  if (first === undefined) links.set(key, path);
  return first ?? "";
}

function typeOf(status: BigIntStats): WalkEntryType | undefined {
  if (status.isFile()) return "file";
  if (status.isDirectory()) return "directory";
  if (status.isSymbolicLink()) return "symlink";
  if (status.isFIFO()) return "fifo";
  if (status.isCharacterDevice()) return "character";
  return status.isBlockDevice() ? "block" : undefined;
}

/** A file of a tree on the disk. Throws in Go's words. */
export function openDiskFile(root: string, path: string): OpenFile {
  let fd: number;
  try {
    fd = openSync(`${root}/${path}`, READ);
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    throw new Error(`open ${root}/${path}: ${code === "EACCES" ? "permission denied" : message}`);
  }
  return {
    read: (buffer, at, length) => readSync(fd, buffer, at, length, null),
    close: () => closeSync(fd),
  };
}
