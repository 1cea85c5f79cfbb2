import { paddingAfter } from "../../../formats/tar/entry.ts";
import { encodeEnd, encodeEntry, type PackEntry } from "../../../formats/tar/packer.ts";
import { readFull } from "../../../kernel/files.ts";

/** Bytes that are handed on at once. */
export const CHUNK_BYTES = 1 << 18;

/** Where an archive goes, chunk by chunk. Both calls may wait. */
export interface ChunkOutput {
  /** `CHUNK_BYTES` to be filled. */
  begin(): Uint8Array;
  /** The first `length` bytes of what `begin` gave are the next of the archive. */
  emit(length: number): void;
}

/** An archive in chunks of one size. Synchronous. */
export class TarWriter {
  readonly #output: ChunkOutput;
  /** undefined: nothing is gathered. */
  #chunk: Uint8Array | undefined;
  #length = 0;

  constructor(output: ChunkOutput) {
    this.#output = output;
  }

  header(entry: PackEntry): void {
    this.#write(encodeEntry(entry));
  }

  /** A file's content. One that shrinks meanwhile is filled up with zeros, one that grows is cut: the header has been sent. */
  file(fd: number, sizeBytes: number): void {
    let remaining = sizeBytes;
    while (remaining > 0) {
      const room = this.#room(remaining);
      const wanted = room.length;
      const count = readFull(fd, room);
      this.#advance(count);
      remaining -= count;
      if (count < wanted) {
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
      const room = this.#room(bytes.length - offset);
      const count = room.length;
      room.set(bytes.subarray(offset, offset + count));
      this.#advance(count);
      offset += count;
    }
  }

  #zeros(count: number): void {
    for (let remaining = count; remaining > 0; ) {
      const room = this.#room(remaining);
      const count = room.length;
      room.fill(0);
      this.#advance(count);
      remaining -= count;
    }
  }

  /** At most so many bytes of the chunk that is being filled. Whoever gets the chunk may take its memory away. */
  #room(wanted: number): Uint8Array {
    this.#chunk ??= this.#output.begin();
    return this.#chunk.subarray(this.#length, Math.min(this.#length + wanted, CHUNK_BYTES));
  }

  #advance(count: number): void {
    this.#length += count;
    if (this.#length === CHUNK_BYTES) this.#flush();
  }

  #flush(): void {
    const length = this.#length;
    this.#chunk = undefined;
    this.#length = 0;
    this.#output.emit(length);
  }
}
