/**
 * Messages of a `walk` stream. The client sends entries, in the order of a walk, then `done`, and pieces of files that are wanted; the
 * server sends which ones it wants, and ends its side when it has them.
 */
export const WALK = { entries: 1, done: 2, pieces: 3 } as const;

/** Entries are sent when a message has become this long. */
const FLUSH_BYTES = 32 * 1024;
/** Longest path, and longest target of a link. */
const MAX_PATH_BYTES = 16 * 1024;
/** Largest file that a number can tell the size of. */
const MAX_VARINT_BYTES = 8;

export const ENTRY_TYPES = ["file", "directory", "symlink", "fifo", "character", "block"] as const;
export type WalkEntryType = (typeof ENTRY_TYPES)[number];

/** What there is to say of a name in a context. Owners are not told: a build makes everything root's. */
export interface WalkEntry {
  path: string;
  type: WalkEntryType;
  mode: number;
  sizeBytes: number;
  modifiedSeconds: number;
  modifiedNanoseconds: number;
  /** Of a symlink its target; of a further name of a file that was told before: that one's path. */
  linkName: string;
  deviceMajor: number;
  deviceMinor: number;
}

const HAS_LINK = 8;
const SAME_MODE = 16;
const WHOLE_SECOND = 32;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Packs entries: a path as what it has other than the one before, numbers as short as they are. About 15 bytes an entry. */
export class EntryPacker {
  #bytes = new Uint8Array(FLUSH_BYTES + 2 * MAX_PATH_BYTES + 64);
  #length = 1;
  #path = "";
  #mode = -1;
  #seconds = 0;

  /** Returns a message when there are enough of them. Throws for a path that is too long. */
  add(entry: WalkEntry): Uint8Array | undefined {
    const link = entry.linkName === "" ? undefined : encoder.encode(entry.linkName);
    if (entry.path.length > MAX_PATH_BYTES / 3 || (link?.byteLength ?? 0) > MAX_PATH_BYTES) {
      throw new Error(`${entry.path.slice(0, 100)}…: the name is too long`);
    }
    const sameMode = entry.mode === this.#mode;
    const wholeSecond = entry.modifiedNanoseconds === 0;
    this.#bytes[this.#length++] =
      ENTRY_TYPES.indexOf(entry.type) |
      (link === undefined ? 0 : HAS_LINK) |
      (sameMode ? SAME_MODE : 0) |
      (wholeSecond ? WHOLE_SECOND : 0);
    this.#addPath(entry.path);
    if (!sameMode) this.#number(entry.mode);
    if (entry.type === "file") this.#number(entry.sizeBytes);
    const delta = entry.modifiedSeconds - this.#seconds;
    this.#number(delta < 0 ? -delta * 2 - 1 : delta * 2);
    if (!wholeSecond) this.#number(entry.modifiedNanoseconds);
    if (link !== undefined) this.#text(link);
    if (entry.type === "character" || entry.type === "block") {
      this.#number(entry.deviceMajor);
      this.#number(entry.deviceMinor);
    }
    [this.#mode, this.#seconds] = [entry.mode, entry.modifiedSeconds];
    return this.#length > FLUSH_BYTES ? this.flush() : undefined;
  }

  /** What is left; undefined where nothing is. */
  flush(): Uint8Array | undefined {
    if (this.#length === 1) return undefined;
    const message = this.#bytes.slice(0, this.#length);
    message[0] = WALK.entries;
    this.#length = 1;
    return message;
  }

  /** Characters instead of bytes, as long as they are the same: most paths are ASCII, and encoding each would take most of the time. */
  #addPath(path: string): void {
    const before = this.#path;
    this.#path = path;
    const most = Math.min(path.length, before.length);
    let same = 0;
    while (same < most && path.charCodeAt(same) === before.charCodeAt(same) && path.charCodeAt(same) < 128) same++;
    if (same < most && path.charCodeAt(same) >= 128 && before.charCodeAt(same) >= 128) {
      this.#addBytes(encoder.encode(before), encoder.encode(path));
      return;
    }
    this.#number(same);
    const rest = path.length - same;
    // Of ASCII the length is known before; it takes one byte up to 127.
    const start = this.#length;
    let at = start + 1;
    for (let index = same; index < path.length; index++) {
      const code = path.charCodeAt(index);
      if (code >= 128 || rest > 127) return this.#text(encoder.encode(path.slice(same)));
      this.#bytes[at++] = code;
    }
    this.#bytes[start] = rest;
    this.#length = at;
  }

  #addBytes(before: Uint8Array, path: Uint8Array): void {
    const most = Math.min(path.byteLength, before.byteLength);
    let same = 0;
    while (same < most && path[same] === before[same]) same++;
    this.#number(same);
    this.#text(path.subarray(same));
  }

  #text(bytes: Uint8Array): void {
    this.#number(bytes.byteLength);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.byteLength;
  }

  #number(value: number): void {
    this.#length = writeNumber(this.#bytes, this.#length, value);
  }
}

/** Reads what an EntryPacker made; one for each walk. Throws Error for what is none, or no walk. */
export class EntryReader {
  #path = new Uint8Array(MAX_PATH_BYTES);
  #pathLength = 0;
  #mode = 0;
  #seconds = 0;
  /** The directories above the last entry. */
  readonly #above: string[] = [""];

  *read(message: Uint8Array): Generator<WalkEntry, void, undefined> {
    const bytes = new NumberReader(message, 1);
    while (!bytes.atEnd) {
      const flags = bytes.byte();
      const type = ENTRY_TYPES[flags & 7];
      if (type === undefined || flags > 63) throw new Error("an entry of an unknown type");
      const path = this.#readPath(bytes);
      if ((flags & SAME_MODE) === 0) this.#mode = bytes.number();
      if (this.#mode > 0o7777) throw new Error(`${path}: ${this.#mode} are no permissions`);
      const sizeBytes = type === "file" ? bytes.number() : 0;
      const delta = bytes.number();
      this.#seconds += delta % 2 === 1 ? -(delta + 1) / 2 : delta / 2;
      const modifiedNanoseconds = (flags & WHOLE_SECOND) === 0 ? bytes.number() : 0;
      if (modifiedNanoseconds >= 1e9 || Math.abs(this.#seconds) > 2 ** 40) throw new Error(`${path}: its time is none`);
      const linkName = (flags & HAS_LINK) === 0 ? "" : decodeText(bytes.bytes());
      const isDevice = type === "character" || type === "block";
      this.#place(path, type);
      yield {
        path,
        type,
        mode: this.#mode,
        sizeBytes,
        modifiedSeconds: this.#seconds,
        modifiedNanoseconds,
        linkName,
        deviceMajor: isDevice ? bytes.number() : 0,
        deviceMinor: isDevice ? bytes.number() : 0,
      };
    }
  }

  /** After the one before, in the order of a walk. */
  #readPath(bytes: NumberReader): string {
    const same = bytes.number();
    const rest = bytes.bytes();
    if (same > this.#pathLength || same + rest.byteLength > MAX_PATH_BYTES) throw new Error("a path that cannot be");
    const [mine = -1, before = -1] = [rest[0], same < this.#pathLength ? this.#path[same] : undefined];
    if (rank(mine) <= rank(before)) throw new Error("the entries of a walk are not in order");
    this.#path.set(rest, same);
    this.#pathLength = same + rest.byteLength;
    return decodeText(this.#path.subarray(0, this.#pathLength));
  }

  /** Below a directory that was told, under a name that is one. */
  #place(path: string, type: WalkEntryType): void {
    const slash = path.lastIndexOf("/");
    const [parent, name] = [slash < 0 ? "" : path.slice(0, slash), path.slice(slash + 1)];
    if (slash === 0 || name === "" || name === "." || name === ".." || path.includes("\0")) {
      throw new Error(`${JSON.stringify(path)} is no path in a directory`);
    }
    while (this.#above.length > 1 && this.#above.at(-1) !== parent) this.#above.pop();
    if (this.#above.at(-1) !== parent) throw new Error(`${JSON.stringify(path)} is in no directory that was told`);
    if (type === "directory") this.#above.push(path);
  }
}

/** Which files are wanted, by index, ascending over the whole stream. */
export class WantPacker {
  #last = -1;
  #bytes: number[] = [];

  add(index: number): void {
    const buffer = new Uint8Array(MAX_VARINT_BYTES);
    const length = writeNumber(buffer, 0, index - this.#last);
    for (let at = 0; at < length; at++) this.#bytes.push(buffer[at] ?? 0);
    this.#last = index;
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  flush(): Uint8Array {
    return new Uint8Array(this.#bytes.splice(0));
  }
}

export class WantReader {
  #next = 0;

  *read(message: Uint8Array): Generator<number, void, undefined> {
    const bytes = new NumberReader(message, 0);
    while (!bytes.atEnd) {
      const delta = bytes.number();
      if (delta === 0) throw new Error("a file is asked for twice");
      const index = this.#next + delta - 1;
      this.#next = index + 1;
      yield index;
    }
  }
}

const PIECE_HEADER_BYTES = 8;
const LAST_PIECE = 0x8000_0000;

/** Puts a piece of a file at `at` in a message; returns where the next one goes. `last`: the file ends with it. */
export function writePieceHeader(
  message: Uint8Array,
  at: number,
  piece: { index: number; bytes: number; last: boolean },
): number {
  const view = new DataView(message.buffer, message.byteOffset);
  view.setUint32(at, piece.index);
  view.setUint32(at + 4, piece.bytes + (piece.last ? LAST_PIECE : 0));
  return at + PIECE_HEADER_BYTES;
}

export { PIECE_HEADER_BYTES };

export function* readPieces(message: Uint8Array): Generator<{ index: number; bytes: Uint8Array; last: boolean }> {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  for (let at = 1; at < message.byteLength; ) {
    if (at + PIECE_HEADER_BYTES > message.byteLength) throw new Error("half a piece of a file");
    const word = view.getUint32(at + 4);
    const [length, start] = [word % LAST_PIECE, at + PIECE_HEADER_BYTES];
    if (start + length > message.byteLength) throw new Error("half a piece of a file");
    yield { index: view.getUint32(at), bytes: message.subarray(start, start + length), last: word >= LAST_PIECE };
    at = start + length;
  }
}

const SLASH = 0x2f;

/** The end of a path comes first, then what is below it, then all other names. */
function rank(byte: number): number {
  return byte === SLASH ? 0 : byte < 0 ? -1 : byte + 1;
}

function decodeText(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Seven bits a byte, lowest first. */
function writeNumber(bytes: Uint8Array, at: number, value: number): number {
  let [rest, next] = [value, at];
  while (rest >= 128) {
    bytes[next++] = (rest % 128) + 128;
    rest = Math.floor(rest / 128);
  }
  bytes[next++] = rest;
  return next;
}

class NumberReader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.byteLength;
  }

  byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw new Error("a message ends within an entry");
    return value;
  }

  number(): number {
    let [value, scale] = [0, 1];
    for (let count = 0; count < MAX_VARINT_BYTES; count++) {
      const byte = this.byte();
      value += (byte % 128) * scale;
      if (byte < 128) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 128;
    }
    throw new Error("a number is too large");
  }

  /** With its length before it. */
  bytes(): Uint8Array {
    const length = this.number();
    if (length > MAX_PATH_BYTES || this.#at + length > this.#bytes.byteLength) {
      throw new Error("a message ends within a name");
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
