import type { Socket } from "bun";
import { ConnectionError } from "../errors.ts";
import type { Host } from "../host.ts";

/** Received but unread bytes above which the socket is paused, and below which it goes on. */
const READ_HIGH_WATER_BYTES = 4 * 1024 * 1024;
const READ_LOW_WATER_BYTES = 1024 * 1024;

/**
 * One byte stream to a daemon, over a unix or TCP socket. Reads are pulled and bounded (a reader that does not read stops the
 * sender); a write resolves when the kernel has taken all of it. One reader and one writer at a time.
 */
export class Connection {
  #socket: Socket<undefined> | undefined;
  #received: Uint8Array[] = [];
  #receivedBytes = 0;
  #paused = false;
  #ended = false;
  #failure: Error | undefined;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

  static async open(host: Host): Promise<Connection> {
    const connection = new Connection();
    const socket = connection.#handlers();
    try {
      // allowHalfOpen: closing our side is how a hijacked stream ends standard input while output goes on.
      connection.#socket =
        host.kind === "unix"
          ? await Bun.connect({ unix: host.path, socket, allowHalfOpen: true })
          : await Bun.connect({
              hostname: host.hostname,
              port: host.port,
              socket,
              allowHalfOpen: true,
              ...tlsOf(host),
            });
    } catch (error) {
      throw new ConnectionError(host.url, describe(error), error);
    }
    return connection;
  }

  /** The next bytes, or undefined at the end of the stream. Throws when the connection broke. */
  async read(): Promise<Uint8Array | undefined> {
    while (this.#received.length === 0) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
    const chunk = this.#received.shift();
    this.#receivedBytes -= chunk?.byteLength ?? 0;
    if (this.#paused && this.#receivedBytes < READ_LOW_WATER_BYTES) {
      this.#paused = false;
      this.#socket?.resume();
    }
    return chunk;
  }

  /** Gives bytes back which were read too far; the next read returns them. */
  unread(chunk: Uint8Array): void {
    if (chunk.byteLength === 0) return;
    this.#received.unshift(chunk);
    this.#receivedBytes += chunk.byteLength;
  }

  async write(data: Uint8Array | string): Promise<void> {
    let rest = typeof data === "string" ? new TextEncoder().encode(data) : data;
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const written = this.#socket?.write(rest) ?? -1;
      if (written < 0) throw this.#failure ?? new Error("connection closed while writing");
      if (written === rest.byteLength) return;
      rest = rest.subarray(written);
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
      });
    }
  }

  /** Ends our direction only: the daemon sees the end of standard input. */
  closeWrite(): void {
    this.#socket?.shutdown();
  }

  close(): void {
    this.#socket?.terminate();
    this.#finish(undefined);
  }

  /** False once the other side ended or broke the stream. */
  get open(): boolean {
    return !this.#ended && this.#failure === undefined;
  }

  #handlers() {
    return {
      data: (_socket: Socket<undefined>, data: Uint8Array) => this.#push(data),
      drain: () => this.#wake(),
      end: () => this.#finish(undefined),
      close: () => this.#finish(undefined),
      error: (_socket: Socket<undefined>, error: Error) => this.#finish(error),
      connectError: () => undefined,
    };
  }

  #push(data: Uint8Array): void {
    this.#received.push(data);
    this.#receivedBytes += data.byteLength;
    if (!this.#paused && this.#receivedBytes > READ_HIGH_WATER_BYTES) {
      this.#paused = true;
      this.#socket?.pause();
    }
    this.#wakeReader?.();
  }

  #finish(error: Error | undefined): void {
    this.#failure ??= error;
    this.#ended = true;
    this.#wakeReader?.();
    this.#wake();
  }

  #wake(): void {
    const wake = this.#wakeWriter;
    this.#wakeWriter = undefined;
    wake?.();
  }
}

function tlsOf(host: Extract<Host, { kind: "tcp" }>) {
  if (host.tls === undefined) return {};
  const { verify, ...pem } = host.tls;
  return { tls: { ...pem, rejectUnauthorized: verify, serverName: host.hostname } };
}

function describe(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" ? code : String(error);
}
