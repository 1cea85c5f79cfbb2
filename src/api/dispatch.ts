import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { invalid, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { hijack } from "./hijack.ts";
import { httpStatus } from "./http-status.ts";
import { type Outlet, writeError, writeHeadOnly, writeStream, writeValue } from "./reply-writer.ts";
import { readJson } from "./request-body.ts";
import type { ApiRequest, Reply } from "./route.ts";
import { isMethod, type Match, pageNotFound, type Router } from "./router.ts";

export interface DispatchDeps {
  router: Router;
  logger: Logger;
  /** Headers of every answer. */
  headers: Record<string, string>;
}

export interface Exchange {
  request: IncomingMessage;
  socket: Duplex;
  outlet: Outlet;
  /** Came with `Upgrade`: what follows on the connection is no HTTP any more. */
  upgraded: boolean;
  early: Uint8Array;
}

/** What is read of a body after its answer, and for how long. */
const MAX_DRAINED_BYTES = 64 * 1024 * 1024;
const DRAIN_MS = 10_000;
/** Longest query string that is taken apart. */
const MAX_QUERY_CHARACTERS = 256 * 1024;

/** From a request to its whole answer. The only place that turns what is thrown into an answer, and logs it. Never rejects. */
export async function dispatch(exchange: Exchange, deps: DispatchDeps): Promise<void> {
  const { request } = exchange;
  const gone = new AbortController();
  const onClose = () => gone.abort();
  exchange.socket.once("close", onClose);
  try {
    const apiRequest = toApiRequest(request, deps.router, gone.signal);
    const reply = await apiRequest.handle();
    if (gone.signal.aborted) discard(reply);
    else await send(exchange, reply, { ...deps, signal: gone.signal });
  } catch (error) {
    report(error, request, gone.signal, deps.logger);
    if (!gone.signal.aborted) answerError(exchange, error, deps);
  } finally {
    exchange.socket.off("close", onClose);
    if (!exchange.upgraded && !request.complete) drain(request);
  }
}

function toApiRequest(request: IncomingMessage, router: Router, signal: AbortSignal) {
  const { path, query } = splitTarget(request.url ?? "");
  const method = request.method ?? "";
  if (!isMethod(method)) throw pageNotFound();
  const match: Match = router.match(method, path);
  const apiRequest: ApiRequest = {
    method,
    path: match.path,
    params: match.params,
    query,
    header: (name) => singleHeader(request, name),
    metaHeaders: () => metaHeaders(request),
    version: match.version,
    signal,
    json: () => readJson(request),
    body: request,
  };
  return { ...apiRequest, handle: async (): Promise<Reply> => match.route.handle(apiRequest) };
}

function singleHeader(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function metaHeaders({ headers }: IncomingMessage): Record<string, string> {
  const found = Object.entries(headers).filter(([name, value]) => name.startsWith("x-meta-") && value !== undefined);
  return Object.fromEntries(found.map(([name, value]) => [name, String(value)]));
}

/** Origin form only; a proxy's absolute form loses its authority. */
function splitTarget(target: string): { path: string; query: URLSearchParams } {
  const [path = "", ...rest] = target.replace(/^https?:\/\/[^/?]*/i, "").split("?");
  const text = rest.join("?");
  if (text.length > MAX_QUERY_CHARACTERS) throw invalid("the request's query is too long");
  return { path, query: new URLSearchParams(text) };
}

interface SendContext extends DispatchDeps {
  signal: AbortSignal;
}

async function send(exchange: Exchange, reply: Reply, context: SendContext): Promise<void> {
  const { outlet, socket, early, upgraded, request } = exchange;
  const common = context.headers;
  if ("upgrade" in reply) {
    await hijack(reply, { socket, early, upgraded, headers: common, logger: context.logger });
  } else if ("stream" in reply) {
    await writeStream(outlet, reply, { common, signal: context.signal, logger: context.logger });
  } else if (request.method === "HEAD") writeHeadOnly(outlet, reply, common);
  else writeValue(outlet, reply, common);
}

/** The client went away while the handler worked: its streams are given back. */
function discard(reply: Reply): void {
  if ("stream" in reply) void reply.stream[Symbol.asyncIterator]().return?.(undefined);
}

function report(error: unknown, request: IncomingMessage, signal: AbortSignal, logger: Logger): void {
  const fields = { method: request.method ?? "", url: (request.url ?? "").slice(0, 256) };
  if (signal.aborted) logger.info("the client went away", fields);
  else if (httpStatus(error) === 500) logger.error("a request failed", { ...fields, error });
  else logger.debug("a request was refused", { ...fields, error: messageOf(error) });
}

function answerError(exchange: Exchange, error: unknown, { headers: common }: DispatchDeps): void {
  const { request, outlet } = exchange;
  if (request.method === "HEAD") writeHeadOnly(outlet, { status: httpStatus(error) }, common);
  else if (/^\/v[0-9.]+/.test(request.url ?? "") && isTooOld(error)) {
    const body = `${messageOf(error)}\n`;
    const plain = { "Content-Type": "text/plain; charset=utf-8" };
    writeValue(outlet, { status: 400, body, headers: plain }, common);
  } else writeError(outlet, error, common);
}

/** @see spec "Versioning": below the oldest version the error is plain text, which such old clients show. */
function isTooOld(error: unknown): boolean {
  return messageOf(error).includes("is too old. Minimum supported API version");
}

/**
 * Reads what is left of a body that nobody wanted: a client that still sends would not see the answer otherwise, and the next
 * request of the connection stands behind it. Too much of it ends the connection.
 */
function drain(request: IncomingMessage): void {
  let left = MAX_DRAINED_BYTES;
  const cut = () => request.destroy();
  const timer = setTimeout(cut, DRAIN_MS);
  timer.unref();
  request.on("data", (chunk: Uint8Array) => {
    left -= chunk.byteLength;
    if (left < 0) cut();
  });
  const done = () => clearTimeout(timer);
  request.once("end", done).once("close", done).once("error", done);
  request.resume();
}
