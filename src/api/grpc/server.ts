import { constants, type IncomingHttpHeaders, performServerHandshake, type ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import { EngineError, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { encodeStatusMessage, GRPC, grpcStatus, parseTimeoutMs } from "../../wire/grpc/status.ts";
import type { Message } from "../../wire/protobuf/message.ts";
import { IncomingMessages, STREAM_WINDOW_BYTES, writeMessage } from "./stream.ts";

/** Calls that one connection may have open: a build has some ten. */
const MAX_CALLS = 250;
const MAX_HEADER_BYTES = 64 * 1024;

/** A call as its handler sees it. */
export interface ServerCall {
  /** Values of one name of the metadata (lower case). */
  metadata(name: string): string[];
  /** Read at most once. */
  messages: AsyncIterable<Uint8Array>;
  send(message: Uint8Array): Promise<void>;
  /** Aborted when the client has cancelled, its time is over, or the connection is gone. */
  signal: AbortSignal;
}

export type CallHandler = (call: ServerCall) => Promise<void>;

/** By path: `/package.Service/Method`. */
export type Services = Map<string, CallHandler>;

/** One message in, one out. */
export function unary<I, O>(
  types: { input: Message<I>; output: Message<O> },
  answer: (input: I, call: ServerCall) => Promise<Partial<O>> | Partial<O>,
): CallHandler {
  return serverStream(types, async function* one(input, call) {
    yield await answer(input, call);
  });
}

/** One message in, any number out. */
export function serverStream<I, O>(
  { input, output }: { input: Message<I>; output: Message<O> },
  answer: (input: I, call: ServerCall) => AsyncIterable<Partial<O>>,
): CallHandler {
  return async (call) => {
    const request = input.decode(await firstMessage(call.messages));
    for await (const values of answer(request, call)) await call.send(output.encode(values));
  };
}

/** The rest of the client's stream is its end: it is not waited for. */
async function firstMessage(messages: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  for await (const message of messages) return message;
  throw new EngineError("invalid-argument", "the call has no message");
}

/**
 * Serves gRPC on a connection that speaks HTTP/2 with prior knowledge. Resolves when the connection is over. Never rejects: what a
 * handler throws becomes the call's status.
 */
export function serveGrpc(connection: Duplex, services: Services, logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    const session = performServerHandshake(connection, {
      settings: {
        initialWindowSize: STREAM_WINDOW_BYTES,
        maxConcurrentStreams: MAX_CALLS,
        maxHeaderListSize: MAX_HEADER_BYTES,
        enablePush: false,
      },
    });
    session.on("error", (error) => {
      logger.debug("a gRPC connection failed", { error: messageOf(error) });
      connection.destroy();
    });
    session.on("stream", (stream, headers) => void serveCall(stream, headers, { services, logger }));
    session.once("close", () => resolve());
    // Half a connection is none; Bun's sessions do not notice that their peer has ended its half.
    connection.once("end", () => connection.destroy());
    connection.once("close", () => session.destroy());
  });
}

interface CallContext {
  services: Services;
  logger: Logger;
}

async function serveCall(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  { services, logger }: CallContext,
): Promise<void> {
  const ended = new AbortController();
  const timer = deadline(headers, ended);
  stream.on("error", (error) => logger.debug("a gRPC stream failed", { error: messageOf(error) }));
  stream.once("close", () => ended.abort(new EngineError("unavailable", "context canceled")));
  const path = String(headers[":path"] ?? "");
  try {
    if (!String(headers["content-type"]).startsWith("application/grpc")) {
      stream.respond({ ":status": 415 }, { endStream: true });
      return;
    }
    const handler = services.get(path);
    if (handler === undefined) throw new EngineError("not-implemented", `unknown method ${path}`);
    respond(stream);
    await handler({
      metadata: (name) => valuesOf(headers[name]),
      messages: new IncomingMessages(stream),
      send: (message) => writeMessage(stream, message),
      signal: ended.signal,
    });
    finish(stream, { code: GRPC.ok, message: "" });
  } catch (error) {
    if (!(error instanceof EngineError) && !ended.signal.aborted) logger.error("a gRPC call failed", { path, error });
    finish(stream, timedOut(ended.signal) ? TIMED_OUT : grpcStatus(error));
  } finally {
    clearTimeout(timer);
  }
}

const TIMED_OUT = { code: GRPC.deadlineExceeded, message: "context deadline exceeded" };

function deadline(headers: IncomingHttpHeaders, ended: AbortController): ReturnType<typeof setTimeout> | undefined {
  const timeoutMs = parseTimeoutMs(valuesOf(headers["grpc-timeout"])[0]);
  // A timer beyond 2^31 ms would fire at once.
  if (timeoutMs === undefined || timeoutMs >= 2 ** 31) return undefined;
  return setTimeout(() => ended.abort(TIMED_OUT), timeoutMs);
}

function timedOut(signal: AbortSignal): boolean {
  return signal.aborted && signal.reason === TIMED_OUT;
}

function respond(stream: ServerHttp2Stream): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
}

/** The status goes into trailers, after all messages. What the client still sends is not waited for. */
function finish(stream: ServerHttp2Stream, { code, message }: { code: number; message: string }): void {
  if (stream.destroyed || stream.closed) return;
  respond(stream);
  stream.once("wantTrailers", () => {
    stream.sendTrailers({
      "grpc-status": String(code),
      ...(message === "" ? {} : { "grpc-message": encodeStatusMessage(message) }),
    });
    if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
  });
  stream.end();
}

function valuesOf(value: string | string[] | undefined): string[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}
