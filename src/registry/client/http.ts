import { getCACertificates } from "node:tls";
import { EngineError } from "../../base/errors.ts";
import { ConnectionError, connectionError, describeRequest } from "./connection-error.ts";
import { type EndpointTls, tlsElsewhere } from "./endpoint.ts";
import { TIMEOUTS, type Timeouts } from "./timeouts.ts";

export interface HttpRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  /** An iterable needs `Content-Length` among the headers, or goes in chunks. */
  body?: Uint8Array | Blob | AsyncIterable<Uint8Array> | string;
  tls: EndpointTls;
  timeouts?: Pick<Timeouts, "headMs" | "bodyMs">;
  signal: AbortSignal;
  /** Asked before each server is, the first and those that redirects lead to. Throws where that must not be. */
  admit?: (url: URL) => Promise<void>;
}

const MAX_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * One exchange, redirects followed for GET and HEAD: ten at most, never from https to http, and to another server with nothing but
 * what it must know. Any status is an answer. Throws ConnectionError where there is none, another EngineError for bad redirects.
 */
export async function exchange(request: HttpRequest): Promise<Response> {
  let current = request;
  for (let redirects = 0; ; redirects++) {
    await current.admit?.(new URL(current.url));
    const response = await send(current);
    const location = response.headers.get("location");
    const followed = request.method === "GET" || request.method === "HEAD";
    if (!followed || !REDIRECTS.has(response.status) || location === null) return response;
    await discard(response);
    if (redirects === MAX_REDIRECTS) throw misled(request, `stopped after ${MAX_REDIRECTS} redirects`);
    current = redirected(current, location);
  }
}

function redirected(request: HttpRequest, location: string): HttpRequest {
  if (!URL.canParse(location, request.url)) throw misled(request, "redirected to what is no URL");
  const [from, to] = [new URL(request.url), new URL(location, request.url)];
  if (!/^https?:$/.test(to.protocol)) throw misled(request, `redirected to ${to.protocol}`);
  if (from.protocol === "https:" && to.protocol === "http:") {
    throw new EngineError("forbidden", `${from.host} redirects from https to http://${to.host}: refused`);
  }
  if (from.origin === to.origin) return { ...request, url: to.href };
  // Accounts, and the headers that somebody configured, are for the first server only.
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => HARMLESS_HEADERS.has(name)));
  return { ...request, url: to.href, headers, tls: tlsElsewhere(request.tls) };
}

const HARMLESS_HEADERS = new Set(["Accept", "Range", "User-Agent"]);

/** Asking again would lead to the same. */
function misled({ method, url }: HttpRequest, why: string): EngineError {
  return new EngineError("unavailable", `${describeRequest({ method, url })}: ${why}`);
}

async function send(request: HttpRequest): Promise<Response> {
  const { method, url, headers, body, timeouts = TIMEOUTS, signal } = request;
  const late = new AbortController();
  const expire = () => late.abort(new Error("i/o timeout"));
  // Whoever sends a stream watches over it, and over the answer to it.
  const timer = isStream(body) ? undefined : setTimeout(expire, timeouts.headMs);
  try {
    return await fetch(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body: body as Exclude<RequestInit["body"], undefined> }),
      redirect: "manual",
      // A blob's bytes are what its digest says, not what a header makes of them.
      decompress: false,
      signal: AbortSignal.any([signal, late.signal]),
      ...tlsOptions(request.tls),
    });
  } catch (error) {
    signal.throwIfAborted();
    throw connectionError(request, late.signal.aborted ? late.signal.reason : error);
  } finally {
    clearTimeout(timer);
  }
}

export function isStream(body: HttpRequest["body"]): body is AsyncIterable<Uint8Array> {
  return typeof body === "object" && Symbol.asyncIterator in body;
}

/** Nothing at all where the runtime's own defaults do: connections are shared only among requests with equal options. */
function tlsOptions({ ca, cert, key, insecure }: EndpointTls): { tls?: Bun.TLSOptions } {
  if (insecure) return { tls: { rejectUnauthorized: false, ...pair(cert, key) } };
  if (ca.length === 0 && cert === undefined) return {};
  const roots = ca.length === 0 ? {} : { ca: [...trustedRoots(), ...ca] };
  return { tls: { ...roots, ...pair(cert, key) } };
}

function pair(cert: string | undefined, key: string | undefined): Bun.TLSOptions {
  return cert === undefined || key === undefined ? {} : { cert, key };
}

function trustedRoots(): string[] {
  return [...new Set([...getCACertificates("default"), ...getCACertificates("system")])];
}

/** Gives the connection back where little is left to read, else cuts it. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined);
}

/** A small body. Throws ConnectionError when it is larger than `limitBytes` or does not arrive in time. */
export async function readBody(
  request: Pick<HttpRequest, "method" | "url"> & Partial<Pick<HttpRequest, "timeouts" | "signal">>,
  response: Response,
  limitBytes: number,
): Promise<Uint8Array> {
  const { timeouts = TIMEOUTS, signal } = request;
  const reader = response.body?.getReader();
  if (reader === undefined) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    void reader.cancel().catch(() => undefined);
  }, timeouts.bodyMs);
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      size += part.value.byteLength;
      if (size > limitBytes) throw new ConnectionError(request, `the answer is larger than ${limitBytes} bytes`);
      chunks.push(part.value);
    }
  } catch (error) {
    await reader.cancel().catch(() => undefined);
    signal?.throwIfAborted();
    throw error instanceof ConnectionError ? error : connectionError(request, error);
  } finally {
    clearTimeout(timer);
  }
  if (isLate) throw new ConnectionError(request, "i/o timeout");
  return Buffer.concat(chunks);
}
