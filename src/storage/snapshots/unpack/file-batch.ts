import type { TarEntry, TarTime } from "../../../formats/tar/entry.ts";
import { EEXIST } from "../../../kernel/errno.ts";
import { outcomeErrno, tryMakeFile } from "../../../kernel/make-files.ts";
import { clampTime } from "./entry-file.ts";

/** One system call's worth of waking another thread is little beside so many files. */
export const MAX_BATCH_FILES = 256;
export const BATCH_BYTES = 256 * 1024;
/** Larger files are written as they come: for them the copy costs more than it saves. */
export const MAX_SMALL_FILE_BYTES = 64 * 1024;

/*
 * A batch is a header and records, all 8-aligned, numbers in the machine's order:
 *   header   u32 files, u32 failures
 *   record   u32 × 8: bytes of the record, of its path with NUL, of its data, mode, uid, gid, outcome, unused
 *            i64 × 4: two struct timespec, accessed and modified
 *            path, NUL, data, padding
 */
const HEADER_BYTES = 8;
const TIMES_AT = 32;
const TIME_BYTES = 16;
const PATH_AT = TIMES_AT + 2 * TIME_BYTES;
/** Places in a record, in words. */
const [RECORD_BYTES, PATH_BYTES, DATA_BYTES, MODE, UID, GID, OUTCOME] = [0, 1, 2, 3, 4, 5, 6];

/** A file of a batch that could not be made. */
export interface FailedFile {
  path: Buffer;
  /** See `outcomeError`. */
  outcome: number;
  /** Tries once more. Returns the new outcome. */
  retry: () => number;
}

/** Small files, described in memory that two threads share: one writes them down, either makes them. One at a time. */
export class FileBatch {
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #longs: BigInt64Array;
  /** Of the record that is being written, and of what is still missing of its data. */
  #recordAt = HEADER_BYTES;
  #dataAt = 0;

  /** `offset`: 8-aligned; `BATCH_BYTES` from there on are the batch's. */
  constructor(memory: SharedArrayBuffer, offset: number) {
    this.#bytes = new Uint8Array(memory, offset, BATCH_BYTES);
    this.#words = new Uint32Array(memory, offset, BATCH_BYTES / 4);
    this.#longs = new BigInt64Array(memory, offset, BATCH_BYTES / 8);
  }

  get files(): number {
    return this.#words[0] as number;
  }

  /** Begins a file, at most MAX_SMALL_FILE_BYTES long. false: there is no room for it. */
  begin(path: Uint8Array, entry: TarEntry): boolean {
    const at = this.#recordAt;
    const dataAt = at + PATH_AT + path.length + 1;
    const end = (dataAt + entry.sizeBytes + 7) & ~7;
    if (end > BATCH_BYTES || this.files === MAX_BATCH_FILES) return false;
    const word = at / 4;
    this.#words[word + RECORD_BYTES] = end - at;
    this.#words[word + PATH_BYTES] = path.length + 1;
    this.#words[word + DATA_BYTES] = entry.sizeBytes;
    this.#words[word + MODE] = entry.mode;
    this.#words[word + UID] = entry.uid;
    this.#words[word + GID] = entry.gid;
    this.#words[word + OUTCOME] = 0;
    this.#setTime(at + TIMES_AT, entry.accessedAt ?? entry.modifiedAt);
    this.#setTime(at + TIMES_AT + TIME_BYTES, entry.modifiedAt);
    this.#bytes.set(path, at + PATH_AT);
    this.#bytes[dataAt - 1] = 0;
    this.#dataAt = dataAt;
    return true;
  }

  #setTime(at: number, time: TarTime): void {
    const { seconds, nanoseconds } = clampTime(time);
    this.#longs[at / 8] = seconds;
    this.#longs[at / 8 + 1] = BigInt(nanoseconds);
  }

  append(data: Uint8Array): void {
    this.#bytes.set(data, this.#dataAt);
    this.#dataAt += data.length;
  }

  /** The file that was begun is complete; before, it is none of the batch. */
  commit(): void {
    this.#recordAt += this.#words[this.#recordAt / 4 + RECORD_BYTES] as number;
    this.#words[0] = this.files + 1;
  }

  clear(): void {
    this.#recordAt = HEADER_BYTES;
    this.#words.fill(0, 0, HEADER_BYTES / 4);
  }

  /** Makes the files. Where something of that name is already it goes on; any other failure is the last file's. */
  makeFiles(): void {
    for (const at of this.#records()) {
      const outcome = this.#make(at);
      if (outcome === 0) continue;
      this.#words[at / 4 + OUTCOME] = outcome;
      this.#words[1] = (this.#words[1] as number) + 1;
      if (outcomeErrno(outcome) !== EEXIST) return;
    }
  }

  /** After `makeFiles`, in the order of the archive. */
  *failures(): Generator<FailedFile> {
    if (this.#words[1] === 0) return;
    for (const at of this.#records()) {
      const outcome = this.#words[at / 4 + OUTCOME] as number;
      if (outcome !== 0) yield { path: this.#pathOf(at), outcome, retry: () => this.#make(at) };
    }
  }

  *#records(): Generator<number> {
    const { files } = this;
    for (let at = HEADER_BYTES, file = 0; file < files; file++) {
      yield at;
      at += this.#words[at / 4 + RECORD_BYTES] as number;
    }
  }

  #pathOf(at: number): Buffer {
    const length = (this.#words[at / 4 + PATH_BYTES] as number) - 1;
    return Buffer.from(this.#bytes.slice(at + PATH_AT, at + PATH_AT + length));
  }

  #make(at: number): number {
    const word = (index: number) => this.#words[at / 4 + index] as number;
    return tryMakeFile(this.#bytes, {
      pathAt: at + PATH_AT,
      timesAt: at + TIMES_AT,
      dataAt: at + PATH_AT + word(PATH_BYTES),
      dataBytes: word(DATA_BYTES),
      mode: word(MODE),
      uid: word(UID),
      gid: word(GID),
    });
  }
}
