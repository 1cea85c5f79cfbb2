import { ClientError } from "./errors.ts";
import type { Host } from "./host.ts";
import { Connection } from "./http/connection.ts";
import { readBody, readHead } from "./http/exchange.ts";
import type { ResponseHead } from "./http/response-head.ts";

export const MAX_API_VERSION = "1.55";
/** Longest JSON answer that is held in memory. */
const MAX_JSON_BYTES = 256 * 1024 * 1024;
/** Longest error body that is read. */
const MAX_ERROR_BYTES = 64 * 1024;
const MAX_IDLE_CONNECTIONS = 4;

export type Query = Record<string, string | number | boolean | readonly string[] | undefined>;

export interface CallOptions {
  query?: Query;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it comes, chunked. */
  body?: AsyncIterable<Uint8Array>;
  headers?: Record<string, string>;
}

export interface Answer {
  status: number;
  headers: Map<string, string>;
  json<T>(): Promise<T>;
  /** The body as it comes. Must be read to its end, or the connection is not used again. */
  stream(): AsyncGenerator<Uint8Array, void, undefined>;
}

/** A connection that has become a raw byte stream in both directions. */
export interface Hijacked {
  connection: Connection;
  contentType: string;
}

/**
 * HTTP/1.1 to one daemon. Calls go out with a fixed version prefix and no ping; only a daemon that refuses the version costs
 * a negotiation (`/_ping`) and a second try. Connections are kept for the next call.
 */
export class Transport {
  readonly host: Host;
  readonly #userAgent: string;
  #version = MAX_API_VERSION;
  #idle: Connection[] = [];

  constructor(host: Host, options: { userAgent: string; apiVersion?: string | undefined }) {
    this.host = host;
    this.#userAgent = options.userAgent;
    if (options.apiVersion !== undefined && options.apiVersion !== "") this.#version = options.apiVersion;
  }

  get apiVersion(): string {
    return this.#version;
  }

  /** One request; throws ClientError for a status of 400 and above. */
  async call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const sentAs = this.#version;
    const first = await this.#send(method, path, options);
    if (first.status < 400) return first;
    const message = await errorMessage(first);
    if (!(await this.#renegotiate({ status: first.status, message, sentAs })) || options.body !== undefined) {
      throw new ClientError(first.status, message);
    }
    const second = await this.#send(method, path, options);
    if (second.status >= 400) throw new ClientError(second.status, await errorMessage(second));
    return second;
  }

  /** A request that turns its connection into a raw stream (attach, exec start). */
  async hijack(path: string, options: { query?: Query; json?: unknown }): Promise<Hijacked> {
    const headers = { Connection: "Upgrade", Upgrade: "tcp" };
    const connection = await this.#take();
    const sentAs = this.#version;
    await connection.write(this.#head("POST", path, { ...options, headers }));
    const head = await readHead(connection);
    if (head.status !== 101 && head.status !== 200) {
      const message = await errorMessage(this.#answer(connection, "POST", head));
      if (await this.#renegotiate({ status: head.status, message, sentAs })) return this.hijack(path, options);
      throw new ClientError(head.status, message);
    }
    return { connection, contentType: head.headers.get("content-type") ?? "" };
  }

  async #send(method: string, path: string, options: CallOptions): Promise<Answer> {
    const reused = this.#idle.length > 0;
    const connection = await this.#take();
    try {
      const head = await this.#exchange(connection, method, path, options);
      return this.#answer(connection, method, head);
    } catch (error) {
      connection.close();
      // A kept connection may have been closed by the daemon in the meantime; nothing was answered, so a GET may go again.
      if (reused && method === "GET") return this.#send(method, path, options);
      throw error;
    }
  }

  async #exchange(connection: Connection, method: string, path: string, options: CallOptions): Promise<ResponseHead> {
    await connection.write(this.#head(method, path, options));
    if (options.body === undefined) return readHead(connection);
    const uploaded = upload(connection, options.body);
    // The daemon may answer (an error, progress lines) before the upload has ended.
    const head = readHead(connection);
    uploaded.catch(() => undefined);
    await Promise.race([uploaded, head]);
    return head;
  }

  #head(method: string, path: string, options: CallOptions): string {
    const prefix = path === "/_ping" ? "" : `/v${this.#version}`;
    const lines = [`${method} ${prefix}${path}${queryString(options.query)} HTTP/1.1`];
    lines.push(`Host: ${this.host.kind === "unix" ? "api.moby.localhost" : this.host.hostname}`);
    lines.push(`User-Agent: ${this.#userAgent}`);
    for (const [name, value] of Object.entries(options.headers ?? {})) lines.push(`${name}: ${value}`);
    if (options.body !== undefined) {
      lines.push("Transfer-Encoding: chunked");
      return `${lines.join("\r\n")}\r\n\r\n`;
    }
    const json = options.json === undefined ? "" : JSON.stringify(options.json);
    if (options.json !== undefined) lines.push("Content-Type: application/json");
    if (method !== "GET" && method !== "HEAD") lines.push(`Content-Length: ${Buffer.byteLength(json)}`);
    return `${lines.join("\r\n")}\r\n\r\n${json}`;
  }

  #answer(connection: Connection, method: string, head: ResponseHead): Answer {
    const keep = () => this.#keep(connection, head);
    async function* stream() {
      yield* readBody(connection, method, head);
      keep();
    }
    return {
      status: head.status,
      headers: head.headers,
      stream,
      json: async <T>() => JSON.parse(await readText(stream(), MAX_JSON_BYTES)) as T,
    };
  }

  async #take(): Promise<Connection> {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) if (idle.open) return idle;
    return Connection.open(this.host);
  }

  #keep(connection: Connection, head: ResponseHead): void {
    const closing = (head.headers.get("connection") ?? "").toLowerCase() === "close";
    if (closing || !connection.open || this.#idle.length >= MAX_IDLE_CONNECTIONS) connection.close();
    else this.#idle.push(connection);
  }

  /** True when the daemon refused our version and a lower one was agreed upon, now or by a call beside this one. */
  async #renegotiate(refused: { status: number; message: string; sentAs: string }): Promise<boolean> {
    if (refused.status !== 400 || !refused.message.includes("is too new")) return false;
    if (refused.sentAs !== this.#version) return true;
    const answer = await this.#send("HEAD", "/_ping", {});
    for await (const _ of answer.stream());
    const theirs = answer.headers.get("api-version");
    if (theirs === undefined || theirs === refused.sentAs) return false;
    this.#version = theirs;
    return true;
  }
}

async function upload(connection: Connection, body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of body) {
    if (chunk.byteLength === 0) continue;
    await connection.write(`${chunk.byteLength.toString(16)}\r\n`);
    await connection.write(chunk);
    await connection.write("\r\n");
  }
  await connection.write("0\r\n\r\n");
}

export async function readText(stream: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new Error(`response is longer than ${maxBytes} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

async function errorMessage(answer: Answer): Promise<string> {
  const text = await readText(answer.stream(), MAX_ERROR_BYTES).catch(() => "");
  try {
    const message = (JSON.parse(text) as { message?: unknown }).message;
    if (typeof message === "string") return message;
  } catch {
    // Not JSON: attach errors and proxies answer in plain text.
  }
  return text.trim() === "" ? `request returned HTTP status ${answer.status}` : text.trim();
}

/** `?a=1&b=x`, without undefined and false-y text; lists repeat the name. Booleans as 1 and 0, as Docker's client sends them. */
export function queryString(query: Query = {}): string {
  const pairs: string[] = [];
  const add = (name: string, value: string) => pairs.push(`${name}=${encodeURIComponent(value)}`);
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === "") continue;
    if (typeof value === "boolean") add(name, value ? "1" : "0");
    else if (typeof value === "object") for (const item of value) add(name, item);
    else add(name, String(value));
  }
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}
