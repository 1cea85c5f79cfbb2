import type { Http2Stream } from "node:http2";
import { EngineError } from "../../base/errors.ts";
import { encodeGrpcFrame, GrpcFrames } from "../../wire/grpc/frames.ts";

/**
 * How much of a peer's data HTTP/2 may have under way for one stream. The connection's own window stays at its default: after
 * `setLocalWindowSize` Bun's sessions stall.
 */
export const STREAM_WINDOW_BYTES = 1024 * 1024;

/** What of an HTTP/2 stream carries messages: both sides of a call use it. */
type MessageStream = Pick<Http2Stream, "write" | "once" | "off" | "destroyed" | "closed" | "writableEnded" | "iterator">;

/** The messages of the other side as they come; what is not taken holds it back. Rejects when the stream is cut off. */
export async function* readMessages(stream: MessageStream): AsyncGenerator<Uint8Array> {
  const frames = new GrpcFrames();
  // Who has heard enough still wants to answer: the stream outlives the loop.
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) yield* frames.push(chunk as Uint8Array);
  frames.end();
}

/** Resolves when there is room for the next one. Rejects with unavailable when the stream is gone. */
export async function writeMessage(stream: MessageStream, message: Uint8Array): Promise<void> {
  if (isOver(stream)) throw streamGone();
  if (stream.write(encodeGrpcFrame(message))) return;
  await drained(stream);
}

export function streamGone(): EngineError {
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
