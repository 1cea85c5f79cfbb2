import type { Duplex } from "node:stream";

export type Method = "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS";

/** `/containers/{id}/json` → `{ id: string }`. */
export type PathParams<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? { [K in Name]: string } & PathParams<Rest>
  : unknown;

/** A request as a value: handlers see neither sockets nor node:http. */
export interface ApiRequest<Params = Record<string, string>> {
  method: Method;
  /** Decoded, without the version's prefix. */
  path: string;
  params: Params;
  query: URLSearchParams;
  /** Of a header that came once; lower-case name. */
  header(name: string): string | undefined;
  /** `X-Meta-…`, which are the registry's and not ours. */
  metaHeaders(): Record<string, string>;
  /** Minor number of the API version asked for. */
  version: number;
  /** Aborted when the client goes away. */
  signal: AbortSignal;
  /** The body as JSON; undefined where it is empty. Throws invalid-argument. */
  json(): Promise<unknown>;
  /** The body as it comes, for archives. Read at most once. */
  body: AsyncIterable<Uint8Array>;
}

/** An ordinary answer. `body` is written as JSON; a string goes as text. */
export interface ValueReply {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

/** An answer whose head is sent at once, before the first byte is there. An error on the way goes through `onError`. */
export interface StreamReply {
  stream: AsyncIterable<Uint8Array>;
  contentType: string;
  headers?: Record<string, string>;
  /** Bytes that tell the client of an error after the head was sent. Undefined: the connection is cut. */
  onError?: (error: unknown) => Uint8Array;
}

/** The connection becomes a stream of bytes both ways. */
export interface UpgradeReply {
  upgrade: {
    /** What the connection speaks afterwards: `h2c`. Absent: `tcp`, Docker's raw streams. */
    protocol?: string;
    /** Media type after a 101; without `Upgrade` Docker always says raw-stream. */
    contentType: string;
    /**
     * Opens the other end. `signal` is aborted when the client goes away first.
     * `head-first`: the answer's head is sent before, and an error goes into the stream (exec). Else an error becomes the answer.
     */
    open(signal: AbortSignal): Promise<Duplex>;
    headFirst: boolean;
    /**
     * The client's stream ends after this and after what `open` gave: a client asks for the exit code as soon as its stream has ended.
     */
    ended?: () => Promise<void>;
    /** How an error looks in the stream. */
    encodeError(message: string): Uint8Array;
    /** Typed in the input of a terminal, ends the attachment. Empty: never. */
    detachKeys: Uint8Array;
    onDetach(): void;
  };
}

export type Reply = ValueReply | StreamReply | UpgradeReply;

export interface Route {
  method: Method;
  path: string;
  /** Lowest minor version that knows this route. */
  since: number;
  handle(request: ApiRequest): Promise<Reply> | Reply;
}

/** One line of a noun's table. The parameters' names are checked against the path. */
export function route<P extends string>(
  method: Method,
  path: P,
  handle: (request: ApiRequest<PathParams<P>>) => Promise<Reply> | Reply,
  since = 0,
): Route {
  return { method, path, since, handle: handle as Route["handle"] };
}
