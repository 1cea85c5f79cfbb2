import { EngineError, isKind } from "../../base/errors.ts";
import type { Digest } from "../../formats/oci/digest.ts";
import { ConnectionError } from "./connection-error.ts";
import type { Endpoint } from "./endpoint.ts";
import { discard } from "./http.ts";
import type { UploadSource } from "./registry-client.ts";
import { RegistryError } from "./registry-error.ts";
import type { Asker, Asking } from "./repository.ts";
import { isStumble } from "./retry.ts";
import type { Timeouts } from "./timeouts.ts";

const MAX_ATTEMPTS = 5;
const FIRST_DELAY_MS = 500;

interface BlobRequest {
  path: string;
  digest: Digest;
  signal: AbortSignal;
}

/** @see distribution-spec "Mounting a blob from another repository": 201 it is there, 202 an upload was opened instead */
export async function mountBlob(
  askServer: Asker,
  endpoint: Endpoint,
  { path, digest, from, signal }: BlobRequest & { from: string },
): Promise<boolean> {
  const query = `mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`;
  const response = await askServer(endpoint, { method: "POST", path: `/${path}/blobs/uploads/?${query}`, signal });
  await discard(response);
  if (response.status === 201) return true;
  const location = response.headers.get("location");
  // Nobody will use the upload that stands open now; a registry that cannot cancel lets it expire.
  if (location !== null) {
    const request = { method: "DELETE", path: absolute(endpoint, location), signal };
    await askServer(endpoint, request).then(discard, () => undefined);
  }
  return false;
}

/**
 * Whole in one request; after a broken connection from where the registry says it is, or anew where it has lost what it had. The
 * source may be asked for its bytes several times. A token that expires between two requests is asked for anew: a stream cannot be
 * sent twice.
 */
export async function uploadBlob(asking: Asking, endpoint: Endpoint, request: UploadRequest): Promise<void> {
  const { clock } = asking.deps;
  const upload: Upload = { ...asking, endpoint, request };
  let location: string | undefined;
  for (let attempt = 1; ; attempt++) {
    try {
      if (location === undefined) {
        location = await openUpload(upload);
        await send(upload, { method: "PUT", location, from: 0 });
      } else {
        await resume(upload, location);
      }
      return;
    } catch (error) {
      request.signal.throwIfAborted();
      const isLost = location !== undefined && isLoss(error);
      const isExpired = location !== undefined && isKind(error, "unauthorized");
      // Where no upload could be opened, another server of the registry may be asked.
      const passes = location === undefined ? isStumble(error) : isExpired || isPassing(error);
      if (attempt === MAX_ATTEMPTS || !(isLost || passes)) throw error;
      if (isLost) location = undefined;
      await clock.sleep(FIRST_DELAY_MS * 2 ** (attempt - 1), request.signal);
    }
  }
}

interface UploadRequest extends BlobRequest {
  source: UploadSource;
}

interface Upload extends Asking {
  endpoint: Endpoint;
  request: UploadRequest;
}

function isPassing(error: unknown): boolean {
  return error instanceof ConnectionError || (error instanceof RegistryError && error.isFaultOfServer);
}

/** The registry does not know the upload any more, or holds other bytes than were sent. */
function isLoss(error: unknown): boolean {
  return error instanceof RegistryError && (LOST_CODES.has(error.code) || LOST_STATUSES.has(error.status));
}

const LOST_STATUSES = new Set([404, 416]);

const LOST_CODES = new Set(["BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID", "RANGE_INVALID"]);

async function openUpload({ askServer, endpoint, request: { path, signal } }: Upload): Promise<string> {
  const opened = await askServer(endpoint, { method: "POST", path: `/${path}/blobs/uploads/`, signal });
  await discard(opened);
  const location = locationOf(endpoint, opened);
  if (location === undefined) throw nowhere();
  return location;
}

/** Asks how far it is, and sends what is missing. @see distribution-spec "Pushing a blob in chunks" */
async function resume(upload: Upload, location: string): Promise<void> {
  const { askServer, endpoint, request } = upload;
  const answer = await askServer(endpoint, { method: "GET", path: location, signal: request.signal });
  await discard(answer);
  let next = locationOf(endpoint, answer) ?? location;
  const last = Number(/^(?:bytes=)?0-(\d{1,15})$/.exec(answer.headers.get("range") ?? "")?.[1] ?? 0);
  // Nothing and one byte look the same.
  const offset = last === 0 ? 0 : last + 1;
  const end = request.source.sizeBytes;
  if (offset === 0 || offset > end) throw new RegistryError(404, "BLOB_UPLOAD_UNKNOWN", "the upload has to begin anew");
  if (offset < end) {
    const sent = await send(upload, { method: "PATCH", location: next, from: offset });
    next = locationOf(endpoint, sent) ?? next;
  }
  await send(upload, { method: "PUT", location: next, from: end });
}

async function send(
  { askServer, endpoint, deps: { timeouts }, request }: Upload,
  { method, location, from }: { method: "PUT" | "PATCH"; location: string; from: number },
): Promise<Response> {
  const { source, digest, signal } = request;
  const stalled = watch(timeouts, from === source.sizeBytes);
  const both = AbortSignal.any([signal, stalled.signal]);
  const headers = {
    ...(method === "PATCH" ? { "Content-Range": `${from}-${source.sizeBytes - 1}` } : {}),
    "Content-Type": "application/octet-stream",
    "Content-Length": String(source.sizeBytes - from),
  };
  const target = method === "PUT" ? withDigest(location, digest) : location;
  // An empty iterable would go in chunks.
  const body = from === source.sizeBytes ? new Uint8Array(0) : stalled.pass(source.from(from));
  try {
    const answer = await askServer(endpoint, {
      method,
      path: target,
      headers,
      body,
      headMs: timeouts.commitMs,
      signal: both,
    });
    await discard(answer);
    return answer;
  } catch (error) {
    signal.throwIfAborted();
    if (stalled.signal.aborted) throw new ConnectionError({ method, url: target }, "i/o timeout", error);
    throw error;
  } finally {
    stalled.end();
  }
}

/** Aborts when nothing has been taken from the source for too long. */
function watch({ uploadStallMs, commitMs }: Timeouts, isSent: boolean) {
  const late = new AbortController();
  const expire = () => late.abort(new Error("i/o timeout"));
  let timer = setTimeout(expire, isSent ? commitMs : uploadStallMs);
  const restart = (ms: number) => {
    clearTimeout(timer);
    timer = setTimeout(expire, ms);
  };
  return {
    signal: late.signal,
    end: () => clearTimeout(timer),
    async *pass(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const chunk of source) {
        restart(uploadStallMs);
        yield chunk;
      }
      restart(commitMs);
    },
  };
}

function locationOf(endpoint: Endpoint, response: Response): string | undefined {
  const location = response.headers.get("location");
  return location === null ? undefined : absolute(endpoint, location);
}

function nowhere(): EngineError {
  return new EngineError("unavailable", "the registry opened an upload and does not say where");
}

function absolute(endpoint: Endpoint, location: string): string {
  if (!URL.canParse(location, `${endpoint.base}/`)) {
    throw new EngineError(
      "unavailable",
      `the registry names ${JSON.stringify(location.slice(0, 200))} as the place of an upload`,
    );
  }
  const url = new URL(location, `${endpoint.base}/`);
  if (!/^https?:$/.test(url.protocol) || (endpoint.base.startsWith("https:") && url.protocol === "http:")) {
    throw new EngineError("forbidden", `the registry sends uploads to ${url.origin}: refused`);
  }
  return url.href;
}

function withDigest(location: string, digest: Digest): string {
  const url = new URL(location);
  url.searchParams.set("digest", digest);
  return url.href;
}
