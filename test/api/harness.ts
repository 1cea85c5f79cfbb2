import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApiServer } from "../../src/api/server.ts";
import { createSystemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { Builder } from "../../src/builder/builder.ts";
import { createFakeEngine, type FakeEngine } from "./fake-engine.ts";

/** A server over a fake engine, on a unix socket of its own. */
export interface ServedApi extends AsyncDisposable {
  engine: FakeEngine;
  socketPath: string;
  /** One request through an ordinary client. `path` as in a URL. */
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** One request whose JSON answer is wanted. */
  json(method: string, path: string, options?: RequestOptions): Promise<unknown>;
  /** Bytes as they are. */
  raw(): RawConnection;
}

export interface RequestOptions {
  body?: unknown;
  rawBody?: string | Uint8Array;
  headers?: Record<string, string>;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

/** `builder`: what builds; without one a fake that nobody asks. */
export async function serveFake({ builder }: { builder?: Builder } = {}): Promise<ServedApi> {
  const directory = mkdtempSync(join(tmpdir(), "gantry-api-test-"));
  const socketPath = join(directory, "api.sock");
  const engine = createFakeEngine(builder);
  const server = createApiServer({
    engine,
    version: "0.1.0",
    gitCommit: "abc",
    logger: silentLogger,
    clock: createSystemClock(),
  });
  await server.listen({ kind: "unix", path: socketPath, mode: 0o660 });

  async function request(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    const body = options.rawBody ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
    const response = await fetch(`http://docker${path}`, {
      method,
      unix: socketPath,
      headers: { ...(options.body === undefined ? {} : { "Content-Type": "application/json" }), ...options.headers },
      ...(body === undefined ? {} : { body }),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }
  return {
    engine,
    socketPath,
    request,
    json: async (method, path, options) => JSON.parse((await request(method, path, options)).text) as unknown,
    raw: () => new RawConnection(socketPath),
    async [Symbol.asyncDispose]() {
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A client that says exactly what it is told, and keeps what it gets. */
export class RawConnection {
  readonly socket: Socket;
  received = "";
  ended = false;
  #waiters: (() => void)[] = [];

  constructor(path: string) {
    this.socket = connect({ path, allowHalfOpen: true });
    this.socket.on("data", (chunk) => {
      this.received += chunk.toString("latin1");
      this.#wake();
    });
    const over = () => {
      this.ended = true;
      this.#wake();
    };
    this.socket.on("end", over).on("close", over).on("error", over);
  }

  #wake(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }

  send(text: string): this {
    this.socket.write(text);
    return this;
  }

  /** Until what was received holds `text`; throws when the connection ends without it. */
  async until(text: string): Promise<string> {
    while (!this.received.includes(text)) {
      if (this.ended) throw new Error(`ended without ${JSON.stringify(text)}: ${JSON.stringify(this.received)}`);
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
    return this.received;
  }

  async untilEnd(): Promise<string> {
    while (!this.ended) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    return this.received;
  }

  close(): void {
    this.socket.destroy();
  }
}
