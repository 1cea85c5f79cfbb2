import { paddingAfter } from "../../../formats/tar/entry.ts";
import { encodeEnd, encodeEntry, type PackEntry } from "../../../formats/tar/packer.ts";
import { readFull } from "../../../kernel/files.ts";

/** Bytes that are handed on at once. */
const CHUNK_BYTES = 1 << 18;

/** An archive in chunks of one size. Synchronous: `emit` may wait, and owns the chunk that it gets. */
export class TarWriter {
  readonly #emit: (chunk: Uint8Array<ArrayBuffer>) => void;
  #chunk = new Uint8Array(CHUNK_BYTES);
  #length = 0;

  constructor(emit: (chunk: Uint8Array<ArrayBuffer>) => void) {
    this.#emit = emit;
  }

  header(entry: PackEntry): void {
    this.#write(encodeEntry(entry));
  }

  /** A file's content. One that shrinks meanwhile is filled up with zeros, one that grows is cut: the header has been sent. */
  file(fd: number, sizeBytes: number): void {
    let remaining = sizeBytes;
    while (remaining > 0) {
      const room = this.#chunk.subarray(this.#length, this.#length + Math.min(remaining, this.#room()));
      const count = readFull(fd, room);
      this.#advance(count);
      remaining -= count;
      if (count < room.length) {
        this.#zeros(remaining);
        remaining = 0;
      }
    }
    this.#zeros(paddingAfter(sizeBytes));
  }

  end(): void {
    this.#write(encodeEnd());
    this.flush();
  }

  /** Hands on what is gathered. */
  flush(): void {
    if (this.#length > 0) this.#flush();
  }

  #write(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length; ) {
      const count = Math.min(this.#room(), bytes.length - offset);
      this.#chunk.set(bytes.subarray(offset, offset + count), this.#length);
      this.#advance(count);
      offset += count;
    }
  }

  #zeros(count: number): void {
    for (let remaining = count; remaining > 0; ) {
      const taken = Math.min(this.#room(), remaining);
      this.#chunk.fill(0, this.#length, this.#length + taken);
      this.#advance(taken);
      remaining -= taken;
    }
  }

  #room(): number {
    return CHUNK_BYTES - this.#length;
  }

  #advance(count: number): void {
    this.#length += count;
    if (this.#length === CHUNK_BYTES) this.#flush();
  }

  #flush(): void {
    const full = this.#chunk.subarray(0, this.#length);
    this.#chunk = new Uint8Array(CHUNK_BYTES);
    this.#length = 0;
    this.#emit(full);
  }
}
