/** Which stream a frame belongs to; 3 carries an error of the daemon's. */
export const STDIN = 0;
export const STDOUT = 1;
export const STDERR = 2;
export const SYSTEM_ERROR = 3;

export const HEADER_BYTES = 8;

/** The 8 bytes before a payload of `size` bytes: `[stream, 0, 0, 0, size as 32 bits big-endian]`. */
export function frameHeader(stream: number, size: number): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  header[0] = stream;
  new DataView(header.buffer).setUint32(4, size);
  return header;
}

/** One whole frame. */
export function encodeFrame(stream: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + payload.byteLength);
  frame.set(frameHeader(stream, payload.byteLength));
  frame.set(payload, HEADER_BYTES);
  return frame;
}

export interface Piece {
  stream: number;
  data: Uint8Array;
}

/** Takes a framed stream apart, whatever way it was cut. Payload is handed on as it comes, without copies. */
export class Demultiplexer {
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerBytes = 0;
  #payloadLeft = 0;

  /** The pieces in `chunk`, in order; they share its memory. Throws Error on an unknown stream. */
  *push(chunk: Uint8Array): Generator<Piece, void, undefined> {
    let at = 0;
    while (at < chunk.byteLength) {
      if (this.#payloadLeft === 0) {
        at += this.#takeHeader(chunk, at);
        continue;
      }
      const end = Math.min(chunk.byteLength, at + this.#payloadLeft);
      yield { stream: this.#header[0] ?? 0, data: chunk.subarray(at, end) };
      this.#payloadLeft -= end - at;
      at = end;
    }
  }

  /** Whether the stream may end here: not within a frame. */
  get complete(): boolean {
    return this.#payloadLeft === 0 && this.#headerBytes === 0;
  }

  #takeHeader(chunk: Uint8Array, at: number): number {
    const taken = Math.min(HEADER_BYTES - this.#headerBytes, chunk.byteLength - at);
    this.#header.set(chunk.subarray(at, at + taken), this.#headerBytes);
    this.#headerBytes += taken;
    if (this.#headerBytes < HEADER_BYTES) return taken;
    this.#headerBytes = 0;
    const stream = this.#header[0] ?? 0;
    if (stream > SYSTEM_ERROR) throw new Error(`unrecognized stream: ${stream}`);
    this.#payloadLeft = new DataView(this.#header.buffer).getUint32(4);
    return taken;
  }
}
