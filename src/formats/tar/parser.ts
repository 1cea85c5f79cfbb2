import { buildEntry } from "./build-entry.ts";
import { BLOCK_BYTES, badTar, paddingAfter, type SparseSegment, type TarEntry } from "./entry.ts";
import { parseHeader, type RawHeader } from "./header.ts";
import { parseCount } from "./number.ts";
import { type PaxRecord, parsePax } from "./pax.ts";
import { checkSegments, MAX_SPARSE_SEGMENTS, oldGnuSegments, parseDataMap, sparseForm } from "./sparse.ts";

/** Bytes of one long name or PAX header; Go's reader allows the same. */
export const MAX_SPECIAL_BYTES = 1 << 20;
/** Bytes of the map of a sparse file (form 1.0). */
const MAX_SPARSE_MAP_BYTES = MAX_SPARSE_SEGMENTS * 42;

/** Receives an archive in order. Bytes passed to `data` are only valid during the call. */
export interface TarSink {
  entry(entry: TarEntry): void;
  /** Content of the last entry; `offset`: where in the file, which matters for sparse ones. */
  data(bytes: Uint8Array, offset: number): void;
  /** The last entry is complete. */
  close(): void;
}

/** A push parser: synchronous, no I/O, bounded memory. Every failure is invalid-argument. */
export interface TarParser {
  push(bytes: Uint8Array): void;
  /** Throws if the archive stops in the middle of something. */
  end(): void;
}

type State =
  | { at: "header" }
  /** Payload of an `L`, `K`, `x` or `g` header. */
  | { at: "special"; typeFlag: string; sizeBytes: number; wanted: number; collected: Buffer[] }
  | { at: "gnu-sparse"; header: RawHeader; segments: SparseSegment[] }
  | { at: "data-map"; entry: TarEntry; stored: number; realSizeBytes: number; collected: Buffer }
  | { at: "data"; segments: SparseSegment[]; done: number; remaining: number; padding: number }
  | { at: "padding"; remaining: number }
  | { at: "done" };

export interface TarParserOptions {
  /**
   * The archive may end with the last byte of its last file: `docker build -f - DIR` sends such a one. All that it holds is there, but
   * nothing shows that it was not cut.
   */
  mayEndInPadding?: boolean;
}

export function createTarParser(sink: TarSink, { mayEndInPadding = false }: TarParserOptions = {}): TarParser {
  const parser = new Parser(sink, mayEndInPadding);
  return { push: (bytes) => parser.push(bytes), end: () => parser.end() };
}

class Parser {
  readonly #sink: TarSink;
  readonly #mayEndInPadding: boolean;
  #state: State = { at: "header" };
  /** A block that came in pieces. */
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  #blockLength = 0;
  #global: PaxRecord[] = [];
  #local: PaxRecord[] = [];
  #longName: Buffer | undefined;
  #longLink: Buffer | undefined;

  constructor(sink: TarSink, mayEndInPadding: boolean) {
    this.#sink = sink;
    this.#mayEndInPadding = mayEndInPadding;
  }

  push(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) rest = rest.subarray(this.#consume(rest));
  }

  end(): void {
    const { at } = this.#state;
    const hasPending = this.#blockLength > 0 || this.#local.length > 0 || this.#longName !== undefined;
    if (at === "done" || (at === "padding" && this.#mayEndInPadding) || (at === "header" && !hasPending)) return;
    throw badTar("unexpected end");
  }

  /** Returns how many bytes were taken: at least one. */
  #consume(bytes: Uint8Array): number {
    const state = this.#state;
    switch (state.at) {
      case "done":
        return bytes.length;
      case "padding": {
        const taken = Math.min(bytes.length, state.remaining);
        state.remaining -= taken;
        if (state.remaining === 0) this.#state = { at: "header" };
        return taken;
      }
      case "data":
        return this.#data(state, bytes);
      case "special": {
        const taken = Math.min(bytes.length, state.wanted);
        state.collected.push(Buffer.from(bytes.subarray(0, taken)));
        state.wanted -= taken;
        if (state.wanted === 0)
          this.#special(state.typeFlag, Buffer.concat(state.collected).subarray(0, state.sizeBytes));
        return taken;
      }
      case "header":
      case "gnu-sparse":
      case "data-map":
        return this.#gatherBlock(bytes);
    }
  }

  #gatherBlock(bytes: Uint8Array): number {
    if (this.#blockLength === 0 && bytes.length >= BLOCK_BYTES) {
      this.#onBlock(bytes.subarray(0, BLOCK_BYTES));
      return BLOCK_BYTES;
    }
    const taken = Math.min(bytes.length, BLOCK_BYTES - this.#blockLength);
    this.#block.set(bytes.subarray(0, taken), this.#blockLength);
    this.#blockLength += taken;
    if (this.#blockLength === BLOCK_BYTES) {
      this.#blockLength = 0;
      this.#onBlock(this.#block);
    }
    return taken;
  }

  #onBlock(block: Uint8Array): void {
    const state = this.#state;
    if (state.at === "header") this.#header(block);
    else if (state.at === "gnu-sparse") this.#sparseExtension(state, block);
    else if (state.at === "data-map") this.#dataMap(state, block);
  }

  #header(block: Uint8Array): void {
    const header = parseHeader(block);
    if (header === undefined) {
      this.#state = { at: "done" };
      return;
    }
    switch (header.typeFlag) {
      case "L":
      case "K":
      case "x":
      case "X":
      case "g":
        this.#beginSpecial(header);
        return;
      case "V":
        this.#skip(header.sizeBytes);
        return;
      case "S":
        this.#oldGnuSparse(header);
        return;
      default:
        this.#plainEntry(header);
    }
  }

  #beginSpecial({ typeFlag, sizeBytes }: RawHeader): void {
    if (sizeBytes > MAX_SPECIAL_BYTES) throw badTar(`extended header of ${sizeBytes} bytes`);
    const wanted = sizeBytes + paddingAfter(sizeBytes);
    if (wanted === 0) this.#special(typeFlag, Buffer.alloc(0));
    else this.#state = { at: "special", typeFlag, sizeBytes, wanted, collected: [] };
  }

  #special(typeFlag: string, bytes: Buffer): void {
    this.#state = { at: "header" };
    if (typeFlag === "L") this.#longName = untilNul(bytes);
    else if (typeFlag === "K") this.#longLink = untilNul(bytes);
    else if (typeFlag === "g") this.#global = mergeGlobal(this.#global, parsePax(bytes));
    else this.#local = parsePax(bytes);
  }

  #plainEntry(header: RawHeader): void {
    const sparse = sparseForm(this.#local);
    const entry = this.#take(header);
    if (entry.type !== "file" || sparse.form === "none") {
      this.#begin(entry, [{ offset: 0, length: entry.sizeBytes }], entry.sizeBytes);
      return;
    }
    const stored = entry.sizeBytes;
    if (sparse.name !== undefined) entry.name = sparse.name;
    if (entry.name.includes(0)) throw badTar("NUL in a name");
    if (sparse.form === "map") {
      checkSegments(sparse.segments, sparse.realSizeBytes, stored);
      this.#begin({ ...entry, sizeBytes: sparse.realSizeBytes, sparse: sparse.segments }, sparse.segments, stored);
    } else {
      if (stored < BLOCK_BYTES) throw badTar("sparse map missing");
      this.#state = { at: "data-map", entry, stored, realSizeBytes: sparse.realSizeBytes, collected: Buffer.alloc(0) };
    }
  }

  #oldGnuSparse(header: RawHeader): void {
    const segments = oldGnuSegments(header.block, 386, 4);
    if (header.block[482] !== 0) this.#state = { at: "gnu-sparse", header, segments };
    else this.#beginOldGnu(header, segments);
  }

  #sparseExtension(state: State & { at: "gnu-sparse" }, block: Uint8Array): void {
    state.segments.push(...oldGnuSegments(block, 0, 21));
    if (state.segments.length > MAX_SPARSE_SEGMENTS) throw badTar("too many sparse segments");
    if (block[504] === 0) this.#beginOldGnu(state.header, state.segments);
  }

  #beginOldGnu(header: RawHeader, segments: SparseSegment[]): void {
    const entry = this.#take(header);
    const realSizeBytes = parseCount(header.block.subarray(483, 495), "sparse size");
    checkSegments(segments, realSizeBytes, entry.sizeBytes);
    this.#begin({ ...entry, sizeBytes: realSizeBytes, sparse: segments }, segments, entry.sizeBytes);
  }

  #dataMap(state: State & { at: "data-map" }, block: Uint8Array): void {
    state.collected = Buffer.concat([state.collected, block]);
    const { entry, stored, realSizeBytes, collected } = state;
    if (collected.length > Math.min(MAX_SPARSE_MAP_BYTES, stored + paddingAfter(stored)))
      throw badTar("sparse map too large");
    const map = parseDataMap(collected);
    if (map === undefined) return;
    const dataBytes = stored - map.mapBytes;
    checkSegments(map.segments, realSizeBytes, dataBytes);
    this.#begin({ ...entry, sizeBytes: realSizeBytes, sparse: map.segments }, map.segments, dataBytes);
  }

  /** The header's entry; what stood before it is used up. */
  #take(header: RawHeader): TarEntry {
    const records = [...this.#global, ...this.#local];
    const entry = buildEntry(header, { records, longName: this.#longName, longLink: this.#longLink });
    this.#local = [];
    this.#longName = undefined;
    this.#longLink = undefined;
    return entry;
  }

  #begin(entry: TarEntry, segments: SparseSegment[], dataBytes: number): void {
    this.#sink.entry(entry);
    if (dataBytes > 0) {
      const nonEmpty = segments.filter(({ length }) => length > 0);
      this.#state = { at: "data", segments: nonEmpty, done: 0, remaining: dataBytes, padding: paddingAfter(dataBytes) };
      return;
    }
    this.#state = { at: "header" };
    this.#sink.close();
  }

  #data(state: State & { at: "data" }, bytes: Uint8Array): number {
    const segment = state.segments[0] as SparseSegment;
    const taken = Math.min(bytes.length, segment.length - state.done);
    this.#sink.data(taken === bytes.length ? bytes : bytes.subarray(0, taken), segment.offset + state.done);
    state.done += taken;
    state.remaining -= taken;
    if (state.done === segment.length) {
      state.segments.shift();
      state.done = 0;
    }
    if (state.remaining === 0) {
      this.#sink.close();
      this.#state = state.padding === 0 ? { at: "header" } : { at: "padding", remaining: state.padding };
    }
    return taken;
  }

  #skip(sizeBytes: number): void {
    const remaining = sizeBytes + paddingAfter(sizeBytes);
    if (remaining > 0) this.#state = { at: "padding", remaining };
  }
}

function untilNul(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0);
  return end === -1 ? bytes : bytes.subarray(0, end);
}

/** The last of each key; a file may not grow them without end. */
function mergeGlobal(before: PaxRecord[], added: PaxRecord[]): PaxRecord[] {
  const merged = new Map([...before, ...added].map((record) => [record.key, record]));
  let bytes = 0;
  for (const { key, value } of merged.values()) bytes += key.length + value.length;
  if (bytes > MAX_SPECIAL_BYTES) throw badTar("global headers too large");
  return [...merged.values()];
}
