import type { Http2Stream } from "node:http2";
import { EngineError } from "../../base/errors.ts";
import { encodeGrpcFrame, GrpcFrames } from "../../wire/grpc/frames.ts";

/**
 * How much of a peer's data HTTP/2 may have under way for one stream. The connection's own window stays at its default: after
 * `setLocalWindowSize` Bun's sessions stall.
 */
export const STREAM_WINDOW_BYTES = 1024 * 1024;

/** Bytes of whole messages that wait for a reader; beyond that the stream is paused, and so is the peer in the end. */
const MAX_WAITING_BYTES = STREAM_WINDOW_BYTES;

/** What of an HTTP/2 stream carries messages: both sides of a call use it. */
type MessageStream = Pick<
  Http2Stream,
  "write" | "on" | "once" | "off" | "pause" | "resume" | "destroyed" | "closed" | "writableEnded" | "readableEnded"
>;

/**
 * The messages of the other side as they come, read once. They are taken from the stream at once, although not without end: a
 * peer that is done resets its stream right behind the last message, and what then is still in the stream's own buffer is lost.
 */
export class IncomingMessages implements AsyncIterable<Uint8Array> {
  readonly #stream: MessageStream;
  readonly #frames = new GrpcFrames();
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #over: { error?: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(stream: MessageStream) {
    this.#stream = stream;
    stream.on("data", (chunk: Uint8Array) => this.#take(chunk));
    stream.on("end", () => this.#end());
    stream.on("close", () => this.#finish(stream.readableEnded ? {} : { error: streamGone() }));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const message = this.#waiting.shift();
      if (message !== undefined) {
        this.#waitingBytes -= message.byteLength;
        if (this.#waitingBytes <= MAX_WAITING_BYTES) this.#stream.resume();
        yield message;
      } else if (this.#over === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else if ("error" in this.#over) throw this.#over.error;
      else return;
    }
  }

  #take(chunk: Uint8Array): void {
    try {
      for (const message of this.#frames.push(chunk)) {
        this.#waiting.push(message);
        this.#waitingBytes += message.byteLength;
      }
      if (this.#waitingBytes > MAX_WAITING_BYTES) this.#stream.pause();
      this.#wake?.();
    } catch (error) {
      // What follows cannot be read either.
      this.#stream.pause();
      this.#finish({ error });
    }
  }

  #end(): void {
    try {
      this.#frames.end();
      this.#finish({});
    } catch (error) {
      this.#finish({ error });
    }
  }

  #finish(over: { error?: unknown }): void {
    this.#over ??= over;
    this.#wake?.();
  }
}

/** Resolves when there is room for the next one. Rejects with unavailable when the stream is gone. */
export async function writeMessage(stream: MessageStream, message: Uint8Array): Promise<void> {
  if (isOver(stream)) throw streamGone();
  if (stream.write(encodeGrpcFrame(message))) return;
  await drained(stream);
}

function streamGone(): EngineError {
  return new EngineError("unavailable", "the stream was closed");
}

function drained(stream: MessageStream): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = () => {
      stream.off("drain", done);
      stream.off("close", done);
      if (stream.destroyed) reject(streamGone());
      else resolve();
    };
    stream.once("drain", done);
    stream.once("close", done);
    if (isOver(stream)) done();
  });
}

function isOver(stream: MessageStream): boolean {
  return stream.destroyed || stream.closed || stream.writableEnded;
}
