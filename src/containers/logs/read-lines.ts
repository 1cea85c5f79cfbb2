import type { LogFile } from "./log-files.ts";

const CHUNK_BYTES = 256 * 1024;
/** A json-file line holds 16 KiB of output, at most six characters a byte. A longer one is damage and skipped. */
const MAX_LINE_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

/** Reads whole lines from an offset on, again and again as the file grows. What has no newline yet waits for it. */
export class LineReader {
  readonly #file: LogFile;
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  #offset: number;
  #rest: Buffer[] = [];
  #restBytes = 0;
  #skipping = false;

  constructor(file: LogFile, offset: number) {
    this.#file = file;
    this.#offset = offset;
  }

  get inode(): bigint {
    return this.#file.inode;
  }

  /** The lines of the next chunk, valid until the next call; undefined at the end of what is written so far. */
  async next(): Promise<Buffer[] | undefined> {
    const { bytesRead } = await this.#file.handle.read(this.#chunk, 0, CHUNK_BYTES, this.#offset);
    if (bytesRead === 0) return undefined;
    this.#offset += bytesRead;
    const lines: Buffer[] = [];
    let start = 0;
    for (;;) {
      const end = this.#chunk.indexOf(NEWLINE, start);
      if (end === -1 || end >= bytesRead) break;
      const line = this.#take(this.#chunk.subarray(start, end));
      if (line !== undefined) lines.push(line);
      start = end + 1;
    }
    this.#keep(this.#chunk.subarray(start, bytesRead));
    return lines;
  }

  /** The last line, where the writer was stopped before its newline. */
  remainder(): Buffer | undefined {
    return this.#restBytes === 0 && !this.#skipping ? undefined : this.#take(Buffer.alloc(0));
  }

  #take(end: Buffer): Buffer | undefined {
    const whole = this.#rest.length === 0 ? end : Buffer.concat([...this.#rest, end]);
    const isDamaged = this.#skipping || whole.length > MAX_LINE_BYTES;
    this.#rest = [];
    this.#restBytes = 0;
    this.#skipping = false;
    return isDamaged || whole.length === 0 ? undefined : whole;
  }

  #keep(part: Buffer): void {
    if (part.length === 0 || this.#skipping) return;
    if (this.#restBytes + part.length > MAX_LINE_BYTES) {
      this.#skipping = true;
      this.#rest = [];
      this.#restBytes = 0;
      return;
    }
    this.#rest.push(Buffer.from(part));
    this.#restBytes += part.length;
  }

  close(): Promise<void> {
    return this.#file.handle.close();
  }
}
