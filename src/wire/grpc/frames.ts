import { EngineError, invalid } from "../../base/errors.ts";

/** Bytes of one message that are taken: gRPC's own default is 4 MiB, BuildKit's peers use 16 MiB. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const PREFIX_BYTES = 5;

/** One message on the wire: a byte for "not compressed", four of length, the message. */
export function encodeGrpcFrame(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(PREFIX_BYTES + message.byteLength);
  new DataView(frame.buffer).setUint32(1, message.byteLength);
  frame.set(message, PREFIX_BYTES);
  return frame;
}

/** Cuts a stream into messages, however it arrives. No more than one message is held back. */
export class GrpcFrames {
  #chunks: Uint8Array[] = [];
  #size = 0;

  /** Messages that `chunk` completes. Throws invalid-argument for one that is too long, not-implemented for a compressed one. */
  *push(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
    this.#chunks.push(chunk);
    this.#size += chunk.byteLength;
    for (;;) {
      const length = this.#nextLength();
      if (length === undefined || this.#size < PREFIX_BYTES + length) return;
      const all = this.#joined();
      const end = PREFIX_BYTES + length;
      this.#chunks = end === all.byteLength ? [] : [all.subarray(end)];
      this.#size -= end;
      yield all.subarray(PREFIX_BYTES, end);
    }
  }

  /** Throws invalid-argument when the stream ended within a message. */
  end(): void {
    if (this.#size > 0) throw invalid("the stream ended within a message");
  }

  #nextLength(): number | undefined {
    if (this.#size < PREFIX_BYTES) return undefined;
    const first = (this.#chunks[0]?.byteLength ?? 0) >= PREFIX_BYTES ? this.#chunks[0] : this.#joined();
    if (first === undefined) return undefined;
    if (first[0] !== 0) throw new EngineError("not-implemented", "compressed messages are not supported");
    const length = new DataView(first.buffer, first.byteOffset).getUint32(1);
    if (length > MAX_MESSAGE_BYTES) throw invalid(`a message of ${length} bytes is larger than ${MAX_MESSAGE_BYTES}`);
    return length;
  }

  /** All that is held, as one. Joined only when a message is whole, so that a long one is copied once. */
  #joined(): Uint8Array {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? new Uint8Array(0);
  }
}
