import {
  type BodyFraming,
  bodyFraming,
  MAX_HEAD_BYTES,
  parseResponseHead,
  type ResponseHead,
} from "./response-head.ts";

/** The part of a connection that reading needs. */
export interface Readable {
  /** The next bytes; undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  unread(chunk: Uint8Array): void;
}

const CR = 13;
const LF = 10;
/** Longest chunk-size line (hex digits and extensions) that is read. */
const MAX_CHUNK_LINE_BYTES = 1024;

/** Reads heads until one that is final: 100 Continue is passed over, 101 is final. */
export async function readHead(connection: Readable): Promise<ResponseHead> {
  for (;;) {
    const head = parseResponseHead(await readHeadText(connection));
    if (head.status >= 200 || head.status === 101) return head;
  }
}

async function readHeadText(connection: Readable): Promise<string> {
  let seen: Uint8Array = new Uint8Array(0);
  for (;;) {
    const chunk = await connection.read();
    if (chunk === undefined) throw new Error(seen.byteLength === 0 ? "EOF" : "unexpected EOF in the response head");
    seen = seen.byteLength === 0 ? chunk : concat(seen, chunk);
    const end = indexOfEmptyLine(seen);
    if (end >= 0) {
      connection.unread(seen.subarray(end + 4));
      return new TextDecoder("latin1").decode(seen.subarray(0, end));
    }
    if (seen.byteLength > MAX_HEAD_BYTES) throw new Error("response head is too long");
  }
}

/** The bytes of a body as they come. Ends at its end; throws on a connection that ends before. */
export async function* readBody(
  connection: Readable,
  method: string,
  head: ResponseHead,
): AsyncGenerator<Uint8Array, void, undefined> {
  const framing: BodyFraming = bodyFraming(method, head);
  switch (framing.kind) {
    case "none":
      return;
    case "length":
      return yield* readLength(connection, framing.bytes);
    case "chunked":
      return yield* readChunked(connection);
    case "close":
      for (let chunk = await connection.read(); chunk !== undefined; chunk = await connection.read()) yield chunk;
  }
}

async function* readLength(connection: Readable, bytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  let rest = bytes;
  while (rest > 0) {
    const chunk = await connection.read();
    if (chunk === undefined) throw new Error("unexpected EOF");
    if (chunk.byteLength > rest) connection.unread(chunk.subarray(rest));
    yield chunk.byteLength > rest ? chunk.subarray(0, rest) : chunk;
    rest -= Math.min(rest, chunk.byteLength);
  }
}

async function* readChunked(connection: Readable): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const line = await readLine(connection);
    const size = /^[0-9a-fA-F]{1,8}/.exec(line);
    if (size === null) throw new Error("malformed chunk size");
    const bytes = Number.parseInt(size[0], 16);
    if (bytes === 0) break;
    yield* readLength(connection, bytes);
    if ((await readLine(connection)) !== "") throw new Error("malformed chunk end");
  }
  while ((await readLine(connection)) !== "") continue; // trailers
}

async function readLine(connection: Readable): Promise<string> {
  let seen: Uint8Array = new Uint8Array(0);
  for (;;) {
    const chunk = await connection.read();
    if (chunk === undefined) throw new Error("unexpected EOF");
    seen = seen.byteLength === 0 ? chunk : concat(seen, chunk);
    const end = seen.indexOf(LF);
    if (end >= 0) {
      connection.unread(seen.subarray(end + 1));
      return new TextDecoder("latin1").decode(seen.subarray(0, end > 0 && seen[end - 1] === CR ? end - 1 : end));
    }
    if (seen.byteLength > MAX_CHUNK_LINE_BYTES) throw new Error("chunk line is too long");
  }
}

function indexOfEmptyLine(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(CR); at >= 0; at = bytes.indexOf(CR, at + 1)) {
    if (bytes[at + 1] === LF && bytes[at + 2] === CR && bytes[at + 3] === LF) return at;
  }
  return -1;
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.byteLength + b.byteLength);
  both.set(a);
  both.set(b, a.byteLength);
  return both;
}
