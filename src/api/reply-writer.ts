import type { ServerResponse } from "node:http";
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { WireError } from "../wire/errors.ts";
import { endGently } from "./hijack.ts";
import { httpStatus } from "./http-status.ts";
import type { StreamReply, ValueReply } from "./route.ts";

/** Where an answer goes: node:http's response, or a raw socket that asked for an upgrade it does not get. */
export interface Outlet {
  head(status: number, headers: Record<string, string>): void;
  /** Sends the head now. (An empty write would do in Node; Bun then sends it without its last, empty line.) */
  flush(): void;
  /** False: wait for `drained`. */
  write(chunk: Uint8Array | string): boolean;
  /** Resolves when there is room again, or the client is gone. */
  drained(): Promise<void>;
  end(body?: string): void;
  /** Cuts the connection: the client sees that the answer is not whole. */
  destroy(): void;
}

export function responseOutlet(response: ServerResponse): Outlet {
  return {
    head(status, headers) {
      response.writeHead(status, headers);
    },
    flush() {
      response.flushHeaders();
    },
    write: (chunk) => response.write(chunk),
    drained: () => once(response),
    end(body) {
      response.end(body);
    },
    destroy() {
      response.destroy();
    },
  };
}

export function socketOutlet(socket: Duplex): Outlet {
  return {
    head(status, headers) {
      const lines = Object.entries({ ...headers, Connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n`);
    },
    flush() {},
    write: (chunk) => socket.write(chunk),
    drained: () => once(socket),
    end(body) {
      if (body !== undefined) socket.write(body);
      endGently(socket);
    },
    destroy() {
      socket.destroy();
    },
  };
}

function once(stream: Duplex | ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off("drain", done);
      stream.off("close", done);
      resolve();
    };
    stream.once("drain", done);
    stream.once("close", done);
    if (stream.destroyed) done();
  });
}

/** `common`: headers of every answer. */
export function writeValue(outlet: Outlet, reply: ValueReply, common: Record<string, string>): void {
  const { status, body, headers } = reply;
  const text = typeof body === "string" ? body : body === undefined ? "" : `${JSON.stringify(body)}\n`;
  const type = typeof body === "string" || body === undefined ? {} : { "Content-Type": "application/json" };
  const bodiless = status === 204 || status === 304;
  const length = bodiless ? {} : { "Content-Length": String(Buffer.byteLength(text)) };
  outlet.head(status, { ...common, ...type, ...length, ...headers });
  outlet.end(bodiless ? undefined : text);
}

/** `HEAD` has the headers of the answer only. */
export function writeHeadOnly(outlet: Outlet, reply: ValueReply, common: Record<string, string>): void {
  const type = typeof reply.body === "object" ? { "Content-Type": "application/json" } : {};
  outlet.head(reply.status, { ...common, ...type, "Content-Length": "0", ...reply.headers });
  outlet.end();
}

export function writeError(outlet: Outlet, error: unknown, common: Record<string, string>): void {
  const message = messageOf(error) || "internal error";
  writeValue(outlet, { status: httpStatus(error), body: { message } satisfies WireError }, common);
}

export interface StreamContext {
  common: Record<string, string>;
  /** Aborted when the client went away: then nothing more is written. */
  signal: AbortSignal;
  logger: Logger;
}

/** Sends the head at once, then every chunk as it comes, no faster than the client reads. */
export async function writeStream(outlet: Outlet, reply: StreamReply, context: StreamContext): Promise<void> {
  const { signal, logger } = context;
  outlet.head(200, { ...context.common, "Content-Type": reply.contentType, ...reply.headers });
  // Clients wait for the head before they go on: docker run starts the container only after its wait was answered.
  outlet.flush();
  try {
    for await (const chunk of reply.stream) {
      if (signal.aborted) return;
      if (chunk.byteLength > 0 && !outlet.write(chunk)) await outlet.drained();
    }
    outlet.end();
  } catch (error) {
    if (signal.aborted) return;
    logger.error("a stream to a client ended early", { error });
    if (reply.onError === undefined) outlet.destroy();
    else {
      outlet.write(reply.onError(error));
      outlet.end();
    }
  }
}
