import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import type { Duplex } from "node:stream";
import { EngineError, isKind, messageOf } from "../../base/errors.ts";
import { decodeStatusMessage, errorOfStatus, GRPC } from "../../wire/grpc/status.ts";
import type { Message } from "../../wire/protobuf/message.ts";
import { IncomingMessages, STREAM_WINDOW_BYTES, writeMessage } from "./stream.ts";

/** Metadata of a call: lower-case names. */
export type Metadata = Record<string, string | string[]>;

/** A call that has begun. */
export interface ClientCall {
  send(message: Uint8Array): Promise<void>;
  /** No more messages from us. */
  end(): void;
  /** Read at most once. Ends after a status of OK; rejects with what another one says, or unavailable where the peer is gone. */
  messages: AsyncIterable<Uint8Array>;
  cancel(): void;
}

/** The client's side of a connection, whose other end serves. */
export interface GrpcClient {
  /** Aborted when the connection is over; the reason is what calls that it cuts off reject with. */
  readonly closed: AbortSignal;
  /** `path`: `/package.Service/Method`. Aborting the signal cancels the call. */
  start(path: string, metadata: Metadata, signal: AbortSignal): ClientCall;
  close(): void;
}

export function createGrpcClient(connection: Duplex): GrpcClient {
  const closed = new AbortController();
  // The name is never looked up: the connection is there.
  const session = connect("http://localhost", {
    createConnection: () => connection,
    settings: { initialWindowSize: STREAM_WINDOW_BYTES, enablePush: false },
  });
  session.on("error", () => connection.destroy());
  session.once("close", () => closed.abort(peerGone()));
  // Half a connection is none; Bun's sessions do not notice that their peer has ended its half.
  connection.once("end", () => connection.destroy());
  connection.once("close", () => {
    session.destroy();
    closed.abort(peerGone());
  });
  return {
    closed: closed.signal,
    start(path, metadata, signal) {
      if (closed.signal.aborted) throw peerGone();
      signal.throwIfAborted();
      return startCall(session, { path, metadata, signal });
    },
    close() {
      session.close();
      connection.end();
    },
  };
}

/** One message out, one in. */
export async function callUnary<I, O>(
  client: GrpcClient,
  method: { path: string; input: Message<I>; output: Message<O> },
  request: { values: Partial<I>; signal: AbortSignal },
): Promise<O> {
  const call = client.start(method.path, {}, request.signal);
  try {
    await call.send(method.input.encode(request.values));
    call.end();
    let answer: Uint8Array | undefined;
    for await (const message of call.messages) answer ??= message;
    if (answer === undefined) throw new EngineError("internal", `${method.path} gave no answer`);
    return method.output.decode(answer);
  } catch (error) {
    call.cancel();
    throw error;
  }
}

interface CallStart {
  path: string;
  metadata: Metadata;
  signal: AbortSignal;
}

function startCall(session: ClientHttp2Session, { path, metadata, signal }: CallStart): ClientCall {
  const stream = openStream(session, { ...metadata, ":path": path });
  const cancel = () => {
    if (!stream.destroyed) stream.close(constants.NGHTTP2_CANCEL);
  };
  signal.addEventListener("abort", cancel, { once: true });
  stream.once("close", () => signal.removeEventListener("abort", cancel));
  const status = statusOf(stream);
  return {
    send: (message) => writeMessage(stream, message),
    end: () => void stream.end(),
    messages: answers(new IncomingMessages(stream), status, signal),
    cancel,
  };
}

/** A connection that is just being closed says so by throwing. */
function openStream(session: ClientHttp2Session, headers: OutgoingHttpHeaders): ClientHttp2Stream {
  try {
    return session.request({ ...headers, ":method": "POST", "content-type": "application/grpc", te: "trailers" });
  } catch (error) {
    if (session.closed || session.destroyed) throw peerGone();
    throw error;
  }
}

interface CallStatus {
  code: number;
  message: string;
}

/** Never rejects. A stream that ends without a status was cut off. */
function statusOf(stream: ClientHttp2Stream): Promise<CallStatus> {
  return new Promise((resolve) => {
    let failure = "the client has gone away";
    const take = (headers: IncomingHttpHeaders) => {
      const code = headers["grpc-status"];
      if (code === undefined) return;
      resolve({ code: Number(code), message: decodeStatusMessage([headers["grpc-message"] ?? ""].flat().join()) });
    };
    // Without any message the status comes with the first headers.
    stream.on("response", (headers) => {
      if (headers[":status"] !== 200) failure = `the client answered HTTP ${headers[":status"]}`;
      take(headers);
    });
    stream.on("trailers", take);
    stream.on("error", (error) => {
      failure = messageOf(error);
    });
    stream.once("close", () => resolve({ code: GRPC.unavailable, message: failure }));
  });
}

async function* answers(
  incoming: IncomingMessages,
  status: Promise<CallStatus>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    yield* incoming;
  } catch (error) {
    // A malformed message is the reason; of a stream that broke, the status knows more.
    if (!isKind(error, "unavailable")) throw error;
  }
  const { code, message } = await status;
  signal.throwIfAborted();
  if (code !== GRPC.ok) throw errorOfStatus(code, message);
}

function peerGone(): EngineError {
  return new EngineError("unavailable", "the client has gone away");
}
