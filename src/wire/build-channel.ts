import type { WireBuildError } from "./build-messages.ts";
import {
  decodeJson,
  encodeFrame,
  encodeJson,
  FRAME,
  type Frame,
  FrameReader,
  MAX_DATA_BYTES,
  MAX_STREAMS,
  WINDOW_BYTES,
} from "./build-stream.ts";

/** What a message takes of the window beside its bytes, so that very many empty ones do not fit. */
const MESSAGE_COST_BYTES = 64;
/** Taken of a window before the other side is told, so that small messages do not make as many frames again. */
const GRANT_BYTES = WINDOW_BYTES / 4;

/** The other side ended a stream with an error. `kind`: of EngineError, as it was told. */
export class StreamFailed extends Error {
  readonly kind: string;
  constructor({ Kind, Message }: WireBuildError) {
    super(Message);
    this.name = "StreamFailed";
    this.kind = Kind;
  }
}

/** One stream of a connection. Messages arrive as they were sent; reading them lets the other side send more. */
export interface MessageStream extends AsyncIterable<Uint8Array> {
  readonly id: number;
  /** Waits until the other side has room. At most MAX_DATA_BYTES. Rejects when the stream has failed. */
  send(message: Uint8Array): Promise<void>;
  /** The same for bytes without borders, which are cut where it suits. */
  sendAll(bytes: Uint8Array): Promise<void>;
  end(): void;
  /** Ends it for both sides, if it is not over. */
  fail(error: WireBuildError): void;
}

export interface ChannelOptions {
  /** Resolves when there is room for more. */
  write(bytes: Uint8Array): Promise<void>;
  /** A frame that is not about one of the streams. What it throws ends the connection. */
  onFrame(frame: Frame): void;
}

/**
 * Streams of messages over one connection, in both directions, each with a window of its own: what nobody reads holds up no other
 * stream, and nothing is kept beyond the windows. Used by both sides.
 */
export class BuildChannel {
  readonly #options: ChannelOptions;
  readonly #reader = new FrameReader();
  readonly #streams = new Map<number, OneStream>();
  #highest = 0;
  #failure: Error | undefined;

  constructor(options: ChannelOptions) {
    this.#options = options;
  }

  /** Bytes from the connection. Throws Error when they break the protocol; the connection is to be closed then. */
  receive(bytes: Uint8Array): void {
    for (const frame of this.#reader.push(bytes)) {
      if (frame.type < FRAME.data || frame.type > FRAME.window) this.#options.onFrame(frame);
      else if (frame.stream === 0 || frame.stream > this.#highest) throw new Error(`no stream ${frame.stream}`);
      // A stream that has just ended on this side may still be sent to.
      else this.#streams.get(frame.stream)?.take(frame);
    }
  }

  async send(type: number, stream: number, payload: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await this.#options.write(encodeFrame(type, stream, payload));
  }

  sendJson(type: number, stream: number, value: unknown): Promise<void> {
    return this.send(type, stream, encodeJson(value));
  }

  /** The next number, for the side that opens streams. */
  nextId(): number {
    return this.#highest + 1;
  }

  /** A stream that the server has opened under this number, counted up. Throws when there are too many. */
  open(id: number): MessageStream {
    if (id <= this.#highest) throw new Error(`stream ${id} was there before`);
    if (this.#streams.size >= MAX_STREAMS) throw new Error(`more than ${MAX_STREAMS} streams at once`);
    this.#highest = id;
    const stream = new OneStream(id, this, () => this.#streams.delete(id));
    if (this.#failure === undefined) this.#streams.set(id, stream);
    else stream.break(this.#failure);
    return stream;
  }

  /** Takes a number without a stream, for a question. */
  reserve(): number {
    return ++this.#highest;
  }

  /** The connection is gone: every stream fails. */
  close(error: Error): void {
    this.#failure ??= error;
    for (const stream of this.#streams.values()) stream.break(error);
    this.#streams.clear();
  }
}

class OneStream implements MessageStream {
  readonly id: number;
  readonly #channel: BuildChannel;
  readonly #forget: () => void;
  #received: Uint8Array[] = [];
  /** Bytes that the other side may still send us, and those that were read since it was told. */
  #theirRoom = WINDOW_BYTES;
  #ungranted = 0;
  #ourRoom = WINDOW_BYTES;
  #theyEnded = false;
  #weEnded = false;
  #failure: Error | undefined;
  #wakeReader: (() => void) | undefined;
  #wakeWriters: (() => void)[] = [];

  constructor(id: number, channel: BuildChannel, forget: () => void) {
    this.id = id;
    this.#channel = channel;
    this.#forget = forget;
  }

  take({ type, payload }: Frame): void {
    if (type === FRAME.fail) this.break(new StreamFailed(errorOf(payload)));
    else if (type === FRAME.end) {
      this.#theyEnded = true;
      this.#settle();
    } else if (type === FRAME.window) this.#grow(payload);
    else {
      if (this.#theyEnded) throw new Error(`stream ${this.id} goes on after its end`);
      this.#theirRoom -= payload.byteLength + MESSAGE_COST_BYTES;
      if (this.#theirRoom < 0) throw new Error(`stream ${this.id} sends more than it may`);
      // A small message must not keep the whole chunk that it came in.
      this.#received.push(payload.byteLength * 2 < payload.buffer.byteLength ? payload.slice() : payload);
    }
    this.#wake();
  }

  async send(message: Uint8Array): Promise<void> {
    const cost = message.byteLength + MESSAGE_COST_BYTES;
    while (this.#failure === undefined && this.#ourRoom < cost) {
      await new Promise<void>((resolve) => this.#wakeWriters.push(resolve));
    }
    if (this.#failure !== undefined) throw this.#failure;
    this.#ourRoom -= cost;
    await this.#channel.send(FRAME.data, this.id, message);
  }

  async sendAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength; at += MAX_DATA_BYTES)
      await this.send(bytes.subarray(at, at + MAX_DATA_BYTES));
  }

  end(): void {
    if (this.#weEnded || this.#failure !== undefined) return;
    this.#weEnded = true;
    this.#tell(FRAME.end, new Uint8Array(0));
    this.#settle();
  }

  fail(error: WireBuildError): void {
    if (this.#failure !== undefined || (this.#weEnded && this.#theyEnded)) return;
    this.#tell(FRAME.fail, encodeJson(error));
    this.break(new StreamFailed(error));
  }

  break(error: Error): void {
    this.#failure ??= error;
    this.#received = [];
    this.#forget();
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const message = this.#received.shift();
      if (message !== undefined) {
        yield message;
        this.#grant(message.byteLength + MESSAGE_COST_BYTES);
      } else if (this.#failure !== undefined) throw this.#failure;
      else if (this.#theyEnded) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wakeReader = resolve;
        });
      }
    }
  }

  #grow(payload: Uint8Array): void {
    if (payload.byteLength !== 4) throw new Error("a window frame holds four bytes");
    this.#ourRoom += new DataView(payload.buffer, payload.byteOffset).getUint32(0);
    if (this.#ourRoom > WINDOW_BYTES) throw new Error(`stream ${this.id} is given more room than there is`);
  }

  #grant(bytes: number): void {
    this.#ungranted += bytes;
    if (this.#ungranted < GRANT_BYTES || this.#theyEnded || this.#failure !== undefined) return;
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, this.#ungranted);
    this.#theirRoom += this.#ungranted;
    this.#ungranted = 0;
    this.#tell(FRAME.window, payload);
  }

  /** Small and rare: not waited for. A connection that is gone is told to everybody by `close`. */
  #tell(type: number, payload: Uint8Array): void {
    this.#channel.send(type, this.id, payload).catch(() => undefined);
  }

  #settle(): void {
    if (this.#weEnded && this.#theyEnded) this.#forget();
  }

  #wake(): void {
    this.#wakeReader?.();
    for (const wake of this.#wakeWriters.splice(0)) wake();
  }
}

/** What a `fail` or `failed` frame says; a payload of another shape is an error without words. */
export function errorOf(payload: Uint8Array): WireBuildError {
  try {
    const { Kind, Message } = decodeJson(payload) as Partial<WireBuildError>;
    return { Kind: String(Kind ?? "internal"), Message: String(Message ?? "unknown error") };
  } catch {
    return { Kind: "internal", Message: "unknown error" };
  }
}
