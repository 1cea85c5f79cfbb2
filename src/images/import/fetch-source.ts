import { EngineError, invalid } from "../../base/errors.ts";
import { ConnectionError, connectionError } from "../../registry/client/connection-error.ts";
import { discard, exchange } from "../../registry/client/http.ts";
import { TIMEOUTS } from "../../registry/client/timeouts.ts";
import { UNPACK_LIMITS } from "../../storage/snapshots/unpack/limits.ts";
import type { ProgressMessage } from "../images.ts";

/** Of an archive as it is sent; more than any layer may have unpacked would be refused anyway. */
const MAX_SOURCE_BYTES = UNPACK_LIMITS.archiveBytes;
/** Without a byte for so long the connection is given up. */
const STALL_MS = 60_000;
/** Bytes between two lines of progress. */
const PROGRESS_BYTES = 1 << 20;

export interface FetchOptions {
  report: (message: ProgressMessage) => void;
  signal: AbortSignal;
  limits?: { sizeBytes: number; stallMs: number };
}

/**
 * The archive at an http or https URL, which may redirect ten times, never from https to http. Throws invalid-argument for other
 * URLs, unavailable where the server does not give it, and in the middle when it stalls or grows too large.
 */
export async function fetchSource(text: string, options: FetchOptions): Promise<AsyncIterable<Uint8Array>> {
  const url = parseSource(text);
  const request = { method: "GET", url: url.href };
  options.report({ status: `Downloading from ${withoutAccount(url)}` });
  const stalled = new AbortController();
  const signal = AbortSignal.any([options.signal, stalled.signal]);
  const response = await exchange({
    ...request,
    headers: { "User-Agent": "gantry", ...authorization(url) },
    tls: { ca: [], insecure: false },
    timeouts: TIMEOUTS,
    signal,
  });
  if (response.status !== 200 || response.body === null) {
    await discard(response);
    throw new EngineError(
      "unavailable",
      `Got HTTP status code >= 400: ${response.status} ${response.statusText}`.trim(),
    );
  }
  const totalBytes = Number(response.headers.get("content-length") ?? "0");
  return guarded(response.body, { ...options, request, totalBytes, stalled });
}

/** A source without a scheme is taken for http, as Docker does. */
function parseSource(text: string): URL {
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw invalid(`${JSON.stringify(text)} is no http or https URL`);
  return url;
}

function authorization({ username, password }: URL): Record<string, string> {
  if (username === "") return {};
  const account = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { Authorization: `Basic ${Buffer.from(account).toString("base64")}` };
}

function withoutAccount(url: URL): string {
  const shown = new URL(url.href);
  shown.username = "";
  shown.password = "";
  return shown.href;
}

interface Guard extends FetchOptions {
  request: { method: string; url: string };
  totalBytes: number;
  stalled: AbortController;
}

async function* guarded(body: AsyncIterable<Uint8Array>, guard: Guard): AsyncGenerator<Uint8Array> {
  const { request, totalBytes, stalled, signal, report } = guard;
  const { sizeBytes, stallMs } = guard.limits ?? { sizeBytes: MAX_SOURCE_BYTES, stallMs: STALL_MS };
  let [currentBytes, toldBytes] = [0, 0];
  let timer = setTimeout(() => stalled.abort(), stallMs);
  try {
    for await (const chunk of body) {
      clearTimeout(timer);
      currentBytes += chunk.length;
      if (currentBytes > sizeBytes) throw new ConnectionError(request, `the archive is larger than ${sizeBytes} bytes`);
      if (currentBytes - toldBytes >= PROGRESS_BYTES) {
        toldBytes = currentBytes;
        report({ status: "Downloading", current: currentBytes, ...(totalBytes > 0 ? { total: totalBytes } : {}) });
      }
      yield chunk;
      timer = setTimeout(() => stalled.abort(), stallMs);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (stalled.signal.aborted) throw new ConnectionError(request, "the connection stalled", error);
    throw error instanceof EngineError ? error : connectionError(request, error);
  } finally {
    clearTimeout(timer);
  }
  if (currentBytes < totalBytes) throw new ConnectionError(request, "unexpected EOF");
}
