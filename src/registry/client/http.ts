import { getCACertificates } from "node:tls";
import { EngineError } from "../../base/errors.ts";
import { ConnectionError, connectionError } from "./connection-error.ts";
import type { EndpointTls } from "./endpoint.ts";

export interface HttpRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  /** An iterable needs `Content-Length` among the headers, or goes in chunks. */
  body?: Uint8Array | Blob | AsyncIterable<Uint8Array> | string;
  tls: EndpointTls;
  signal: AbortSignal;
}

/** Time for the head of an answer to be there, from the moment the request can be sent. Uploads get it after their last byte. */
const HEAD_TIMEOUT_MS = 30_000;
const MAX_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * One exchange, redirects followed for GET and HEAD: ten at most, never from https to http, and without Authorization to another
 * server. Any status is an answer. Throws ConnectionError where there is none.
 */
export async function exchange(request: HttpRequest): Promise<Response> {
  let current = request;
  for (let redirects = 0; ; redirects++) {
    const response = await send(current);
    const location = response.headers.get("location");
    const followed = request.method === "GET" || request.method === "HEAD";
    if (!followed || !REDIRECTS.has(response.status) || location === null) return response;
    await discard(response);
    if (redirects === MAX_REDIRECTS) throw new ConnectionError(request, `stopped after ${MAX_REDIRECTS} redirects`);
    current = redirected(current, location);
  }
}

function redirected(request: HttpRequest, location: string): HttpRequest {
  if (!URL.canParse(location, request.url)) throw new ConnectionError(request, "redirected to what is no URL");
  const [from, to] = [new URL(request.url), new URL(location, request.url)];
  if (!/^https?:$/.test(to.protocol)) throw new ConnectionError(request, `redirected to ${to.protocol}`);
  if (from.protocol === "https:" && to.protocol === "http:") {
    throw new EngineError("forbidden", `${from.host} redirects from https to http://${to.host}: refused`);
  }
  if (from.origin === to.origin) return { ...request, url: to.href };
  const { Authorization: _, ...headers } = request.headers;
  // What we trust, and who we are, was said of the first server only; its additional roots may serve the second.
  return { ...request, url: to.href, headers, tls: { ca: request.tls.ca, insecure: false } };
}

async function send(request: HttpRequest): Promise<Response> {
  const { method, url, headers, body, signal } = request;
  const late = new AbortController();
  const timer =
    body === undefined ? setTimeout(() => late.abort(new Error("i/o timeout")), HEAD_TIMEOUT_MS) : undefined;
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
  request: { method: string; url: string },
  response: Response,
  limitBytes: number,
): Promise<Uint8Array> {
  const { body } = response;
  if (body === null) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  const timer = setTimeout(() => void body.cancel(new Error("i/o timeout")).catch(() => undefined), BODY_TIMEOUT_MS);
  try {
    for await (const chunk of body) {
      size += chunk.byteLength;
      if (size > limitBytes) throw new ConnectionError(request, `the answer is larger than ${limitBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof ConnectionError ? error : connectionError(request, error);
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks);
}

/** Time for a document to arrive whole. */
const BODY_TIMEOUT_MS = 60_000;
