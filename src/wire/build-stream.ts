/**
 * Gantry's own build protocol: what `POST /gantry/build` becomes after its upgrade. Both sides send frames, `[length u32][type u8]
 * [stream u32][payload]`, numbers big-endian. The client begins with `request`; from then on the server asks and opens streams, whose
 * numbers it counts up from 1, until it says `result` or `failed`, and closes. A client that closes before has cancelled the build.
 */
export const FRAME = {
  /** Client: what to build, `WireBuildRequest`. */
  request: 1,
  /** Server: `WireBuildQuestion`; the client answers under the same stream number. */
  ask: 2,
  /** Client: one byte, 1 for "there is one" and 0 for "none", and the value. */
  answer: 3,
  /** Server: `WireBuildOpening`. Both send `data` on the stream from now on, as its kind says. */
  open: 4,
  /** A message of a stream, at most `MAX_DATA_BYTES`; counts against the window of its sender. */
  data: 5,
  /** Nothing more comes on this stream from this side. */
  end: 6,
  /** The stream is over for both, and why: `WireBuildError`. */
  fail: 7,
  /** The other side may send so many bytes more on this stream: u32. */
  window: 8,
  /** Server: a list of `WireBuildEvent`. */
  events: 9,
  /** Server: `WireBuildResult`, the last frame. */
  result: 10,
  /** Server: `WireBuildError`, the last frame. */
  failed: 11,
  /** Client: it is still there. */
  alive: 12,
} as const;

const HIGHEST_TYPE = FRAME.alive;
export const FRAME_HEADER_BYTES = 9;
/** Payload of one frame; the largest are requests and events. */
export const MAX_FRAME_BYTES = 4 * 1024 * 1024;
/** One message of a stream. */
export const MAX_DATA_BYTES = 256 * 1024;
/** What a side may send on a stream before the other has taken any of it. */
export const WINDOW_BYTES = 1024 * 1024;
/** Streams and questions that are open at once. */
export const MAX_STREAMS = 512;
/** A client says something at least that often, and is taken for dead after this long a silence. */
export const ALIVE_EVERY_MS = 10_000;
export const SILENCE_MS = 60_000;

export interface Frame {
  type: number;
  stream: number;
  payload: Uint8Array;
}

export function encodeFrame(type: number, stream: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.byteLength);
  const view = new DataView(frame.buffer);
  view.setUint32(0, payload.byteLength);
  view.setUint8(4, type);
  view.setUint32(5, stream);
  frame.set(payload, FRAME_HEADER_BYTES);
  return frame;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function encodeJson(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

/** Throws SyntaxError. */
export function decodeJson(payload: Uint8Array): unknown {
  return JSON.parse(decoder.decode(payload)) as unknown;
}

/** Cuts a stream of bytes into frames, however it arrives. */
export class FrameReader {
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);
  readonly #view = new DataView(this.#header.buffer);
  #headerBytes = 0;
  #payload: Uint8Array | undefined;
  #payloadBytes = 0;

  /** Frames that `chunk` completes; a payload may share its memory. Throws Error for what is no frame of this protocol. */
  *push(chunk: Uint8Array): Generator<Frame, void, undefined> {
    for (let at = 0; at < chunk.byteLength; ) {
      if (this.#payload === undefined) {
        const taken = Math.min(FRAME_HEADER_BYTES - this.#headerBytes, chunk.byteLength - at);
        this.#header.set(chunk.subarray(at, at + taken), this.#headerBytes);
        this.#headerBytes += taken;
        at += taken;
        if (this.#headerBytes < FRAME_HEADER_BYTES) return;
        const length = this.#checkedLength();
        if (chunk.byteLength - at >= length) {
          yield this.#frame(chunk.subarray(at, at + length));
          at += length;
        } else [this.#payload, this.#payloadBytes] = [new Uint8Array(length), 0];
        continue;
      }
      const taken = Math.min(this.#payload.byteLength - this.#payloadBytes, chunk.byteLength - at);
      this.#payload.set(chunk.subarray(at, at + taken), this.#payloadBytes);
      this.#payloadBytes += taken;
      at += taken;
      if (this.#payloadBytes === this.#payload.byteLength) yield this.#frame(this.#payload);
    }
  }

  /** Whether the stream may end here: not within a frame. */
  get complete(): boolean {
    return this.#payload === undefined && this.#headerBytes === 0;
  }

  #frame(payload: Uint8Array): Frame {
    this.#headerBytes = 0;
    this.#payload = undefined;
    return { type: this.#view.getUint8(4), stream: this.#view.getUint32(5), payload };
  }

  #checkedLength(): number {
    const type = this.#view.getUint8(4);
    if (type === 0 || type > HIGHEST_TYPE) throw new Error(`a frame of an unknown type: ${type}`);
    const length = this.#view.getUint32(0);
    const limit = type === FRAME.data ? MAX_DATA_BYTES : MAX_FRAME_BYTES;
    if (length > limit) throw new Error(`a frame of ${length} bytes is too long: at most ${limit}`);
    return length;
  }
}
