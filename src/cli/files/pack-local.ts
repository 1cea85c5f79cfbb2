import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
} from "node:fs";
import { splitDevice } from "../../base/device-number.ts";
import type { EntryType } from "../../formats/tar/entry.ts";
import { encodeEnd, encodeEntry, encodePadding } from "../../formats/tar/packer.ts";
import { endsInSlash, followedSource, keepEnding, type Source, splitEntry } from "./copy-paths.ts";

const CHUNK_BYTES = 1 << 18;
const SLASH = Buffer.from("/");

/** The source as it is asked for: the link itself unless `follow`. Throws when it is not there, or is no directory where one is asked for. */
export function findSource(path: string, follow: boolean): Source {
  const { directory, base } = splitEntry(path);
  let source: { path: string; keptName: string };
  if (follow) source = followedSource(path, resolved(path, path));
  else {
    const parent = resolved(directory, path);
    source = { path: keepEnding(base === "/" ? "/" : `${parent === "/" ? "" : parent}/${base}`, path), keptName: "" };
  }
  return { ...source, isDirectory: look(source.path).isDirectory() };
}

function resolved(path: string, asked: string): string {
  try {
    return realpathSync(path);
  } catch {
    return look(asked) && path;
  }
}

function look(path: string): BigIntStats {
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (found === undefined) throw new Error(`lstat ${path}: no such file or directory`);
  if (endsInSlash(path) && !found.isDirectory()) throw new Error(`lstat ${path}: not a directory`);
  return found;
}

/** A tar archive of a local file or tree, named `name` in it. Sockets are left out; a file that shrinks meanwhile is filled up. */
export async function* packLocal(path: string, name: string): AsyncGenerator<Uint8Array> {
  const links = new Map<string, Buffer>();
  yield* packOne(Buffer.from(path), Buffer.from(name), links);
  yield encodeEnd();
}

async function* packOne(path: Buffer, name: Buffer, links: Map<string, Buffer>): AsyncGenerator<Uint8Array> {
  const status = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  const type = status === undefined ? undefined : typeOf(status);
  if (status === undefined || type === undefined) return;
  if (type === "directory") {
    yield header("directory", Buffer.concat([name, SLASH]), { status });
    const names = readdirSync(path, { encoding: "buffer" }).sort((left, right) => left.compare(right));
    for (const child of names) {
      yield* packOne(Buffer.concat([path, SLASH, child]), Buffer.concat([name, SLASH, child]), links);
    }
    return;
  }
  const key = `${status.dev}:${status.ino}`;
  const first = status.nlink > 1n ? links.get(key) : undefined;
  if (first !== undefined) yield header("hardlink", name, { status, linkName: first });
  else if (type === "symlink") yield header("symlink", name, { status, linkName: readlinkSync(path, "buffer") });
  else if (type === "file") yield* packFile(path, name);
  else yield header(type, name, { status });
  if (status.nlink > 1n) links.set(key, name);
}

async function* packFile(path: Buffer, name: Buffer): AsyncGenerator<Uint8Array> {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const status = fstatSync(fd, { bigint: true });
    if (!status.isFile()) throw new Error(`${path.toString()} is no file any more`);
    yield header("file", name, { status });
    for (let remaining = Number(status.size); remaining > 0; ) {
      const chunk = new Uint8Array(Math.min(CHUNK_BYTES, remaining));
      const count = readSync(fd, chunk, 0, chunk.length, null);
      yield count === 0 ? chunk : chunk.subarray(0, count);
      remaining -= count === 0 ? chunk.length : count;
    }
    yield encodePadding(Number(status.size));
  } finally {
    closeSync(fd);
  }
}

function typeOf(status: BigIntStats): EntryType | undefined {
  if (status.isDirectory()) return "directory";
  if (status.isFile()) return "file";
  if (status.isSymbolicLink()) return "symlink";
  if (status.isCharacterDevice()) return "character";
  if (status.isBlockDevice()) return "block";
  return status.isFIFO() ? "fifo" : undefined;
}

function header(
  type: EntryType,
  name: Buffer,
  { status, linkName }: { status: BigIntStats; linkName?: Buffer },
): Uint8Array {
  const { major, minor } = splitDevice(status.rdev);
  const isDevice = type === "character" || type === "block";
  const seconds = status.mtimeNs / 1_000_000_000n - (status.mtimeNs % 1_000_000_000n < 0n ? 1n : 0n);
  return encodeEntry({
    type,
    name,
    ...(linkName === undefined ? {} : { linkName }),
    mode: Number(status.mode) & 0o7777,
    uid: Number(status.uid),
    gid: Number(status.gid),
    sizeBytes: type === "file" ? Number(status.size) : 0,
    modifiedAt: { seconds, nanoseconds: Number(status.mtimeNs - seconds * 1_000_000_000n) },
    ...(isDevice ? { deviceMajor: major, deviceMinor: minor } : {}),
  });
}
