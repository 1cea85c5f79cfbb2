import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";

/** A request as it came: the head is parsed, the body may still be under way. */
export interface RawRequest {
  method: string;
  /** As sent: path with query. */
  target: string;
  path: string;
  query: URLSearchParams;
  /** Names in lower case. */
  headers: Record<string, string>;
  /** `CN` of the client's certificate, where it showed one. */
  client: string | undefined;
  /** All of the body; `limitBytes`: no more of it is waited for. */
  body(limitBytes?: number): Promise<Buffer>;
  socket: Socket;
}

export interface RawServer {
  port: number;
  close(): Promise<void>;
}

/** PEM texts; with `clientCa` a client must show a certificate of it. */
export interface ServerTls {
  cert: string;
  key: string;
  clientCa?: string;
}

/**
 * HTTP/1.1 with nothing between a test and the bytes: one request a connection, which the handler answers on the socket as well or as
 * badly as it likes. A handler that throws ends the connection.
 */
export async function serveRaw(
  handler: (request: RawRequest) => Promise<void>,
  options: { tls?: ServerTls; port?: number } = {},
): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const accept = (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    readRequest(socket)
      .then((request) => (request === undefined ? undefined : handler(request)))
      .catch(() => socket.destroy());
  };
  const server = options.tls === undefined ? createServer(accept) : createTlsServer(tlsOptions(options.tls), accept);
  server.on("tlsClientError", () => undefined);
  await listen(server, options.port ?? 0);
  return {
    port: (server.address() as { port: number }).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function tlsOptions({ cert, key, clientCa }: ServerTls) {
  return {
    cert,
    key,
    ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
}

/** What has come and was not yet taken. */
class Inbox {
  #bytes = Buffer.alloc(0);
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    const wake = () => {
      this.#wake?.();
      this.#wake = undefined;
    };
    socket.on("data", (bytes: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      wake();
    });
    for (const event of ["end", "close"]) {
      socket.on(event, () => {
        this.#ended = true;
        wake();
      });
    }
  }

  /** Waits until `length` says how many bytes belong together, and takes them. undefined: the other end hung up before. */
  async take(length: (bytes: Buffer) => number | undefined): Promise<Buffer | undefined> {
    for (;;) {
      const count = length(this.#bytes);
      if (count !== undefined && this.#bytes.length >= count) {
        const taken = this.#bytes.subarray(0, count);
        this.#bytes = this.#bytes.subarray(count);
        return taken;
      }
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

const TLS_HANDSHAKE = 0x16;

async function readRequest(socket: Socket): Promise<RawRequest | undefined> {
  const inbox = new Inbox(socket);
  const upTo = (mark: string) => (bytes: Buffer) => {
    const at = bytes.indexOf(mark);
    return at === -1 ? undefined : at + mark.length;
  };
  const isTlsHello = (bytes: Buffer) => bytes[0] === TLS_HANDSHAKE;
  const head = await inbox.take((bytes) => (isTlsHello(bytes) ? 1 : upTo("\r\n\r\n")(bytes)));
  if (head !== undefined && isTlsHello(head)) {
    // As Go's servers do.
    socket.end("HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTPS request to an HTTP server.\n");
    return undefined;
  }
  if (head === undefined) return undefined;
  const [first = "", ...lines] = head.toString("latin1").trim().split("\r\n");
  const [method = "", target = ""] = first.split(" ");
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const url = new URL(target, "http://localhost");
  return {
    method,
    target,
    path: url.pathname,
    query: url.searchParams,
    headers,
    client: (socket as TLSSocket).getPeerCertificate?.()?.subject?.CN as string | undefined,
    socket,
    async body(limitBytes = Number.POSITIVE_INFINITY) {
      if (headers["transfer-encoding"] !== "chunked") {
        const size = Math.min(Number(headers["content-length"] ?? 0), limitBytes);
        return (await inbox.take(() => size)) ?? Buffer.alloc(0);
      }
      const parts: Buffer[] = [];
      for (;;) {
        const line = (await inbox.take(upTo("\r\n")))?.toString() ?? "0";
        const size = Number.parseInt(line, 16);
        if (size === 0) return Buffer.concat(parts);
        parts.push(((await inbox.take(() => size + 2)) ?? Buffer.alloc(2)).subarray(0, size));
      }
    },
  };
}

export interface RawAnswer {
  status?: number;
  headers?: Record<string, string | number>;
  body?: Uint8Array | string;
}

/** A whole answer, and the end of the connection. `Content-Length` is the body's unless the headers say otherwise. */
export function answer(request: RawRequest, { status = 200, headers = {}, body = "" }: RawAnswer): void {
  const bytes = Buffer.from(body as string);
  request.socket.write(head(status, { "Content-Length": bytes.length, Connection: "close", ...headers }));
  if (request.method !== "HEAD") request.socket.write(bytes);
  request.socket.end();
}

export function head(status: number, headers: Record<string, string | number>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} X\r\n${lines.join("")}\r\n`;
}
