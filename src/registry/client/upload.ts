import { EngineError } from "../../base/errors.ts";
import type { Digest } from "../../formats/oci/digest.ts";
import { ConnectionError } from "./connection-error.ts";
import type { Endpoint } from "./endpoint.ts";
import { discard } from "./http.ts";
import type { UploadSource } from "./registry-client.ts";
import type { Asker } from "./repository.ts";

/** An upload that moves no byte for so long is given up. */
const STALL_MS = 60_000;
/** Time to answer after the last byte: the registry may have to copy the blob to where it stays. */
const COMMIT_MS = 600_000;
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

/** Whole in one request; after a broken connection from where the registry says it is. */
export async function uploadBlob(
  askServer: Asker,
  endpoint: Endpoint,
  request: BlobRequest & { source: UploadSource },
): Promise<void> {
  const { path, signal } = request;
  const opened = await askServer(endpoint, { method: "POST", path: `/${path}/blobs/uploads/`, signal });
  await discard(opened);
  let location = locationOf(endpoint, opened);
  for (let attempt = 1; ; attempt++) {
    try {
      const offset = attempt === 1 ? 0 : await reached();
      if (offset > 0) await sendRest(offset);
      else await send({ method: "PUT", location, from: 0, headers: {} });
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ConnectionError) || attempt === MAX_ATTEMPTS) throw error;
      await Bun.sleep(FIRST_DELAY_MS * 2 ** (attempt - 1));
    }
  }

  async function reached(): Promise<number> {
    const answer = await askServer(endpoint, { method: "GET", path: location, signal });
    await discard(answer);
    location = answer.headers.get("location") === null ? location : locationOf(endpoint, answer);
    const last = /^(?:bytes=)?0-(\d+)$/.exec(answer.headers.get("range") ?? "")?.[1];
    return last === undefined || last === "0" ? 0 : Math.min(Number(last) + 1, request.source.sizeBytes);
  }

  async function sendRest(offset: number): Promise<void> {
    const end = request.source.sizeBytes - 1;
    if (offset <= end) {
      const headers = { "Content-Range": `${offset}-${end}` };
      const answer = await send({ method: "PATCH", location, from: offset, headers });
      location = locationOf(endpoint, answer);
    }
    await send({ method: "PUT", location, from: request.source.sizeBytes, headers: {} });
  }

  async function send(part: { method: string; location: string; from: number; headers: Record<string, string> }) {
    const { source, digest } = request;
    const stalled = watch();
    const both = AbortSignal.any([signal, stalled.signal]);
    const headers = {
      ...part.headers,
      "Content-Type": "application/octet-stream",
      "Content-Length": String(source.sizeBytes - part.from),
    };
    const target = part.method === "PUT" ? withDigest(part.location, digest) : part.location;
    // An empty iterable would go in chunks.
    const body = part.from === source.sizeBytes ? new Uint8Array(0) : stalled.pass(source.from(part.from));
    try {
      const answer = await askServer(endpoint, { method: part.method, path: target, headers, body, signal: both });
      await discard(answer);
      return answer;
    } catch (error) {
      signal.throwIfAborted();
      if (stalled.signal.aborted) throw new ConnectionError({ method: part.method, url: target }, "i/o timeout", error);
      throw error;
    } finally {
      stalled.end();
    }
  }
}

/** Aborts when nothing has been taken from the source for too long. */
function watch() {
  const late = new AbortController();
  const expire = () => late.abort(new Error("i/o timeout"));
  let timer = setTimeout(expire, STALL_MS);
  const restart = (ms: number) => {
    clearTimeout(timer);
    timer = setTimeout(expire, ms);
  };
  return {
    signal: late.signal,
    end: () => clearTimeout(timer),
    async *pass(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const chunk of source) {
        restart(STALL_MS);
        yield chunk;
      }
      restart(COMMIT_MS);
    },
  };
}

function locationOf(endpoint: Endpoint, response: Response): string {
  const location = response.headers.get("location");
  if (location === null) throw new EngineError("unavailable", "the registry opened an upload and does not say where");
  return absolute(endpoint, location);
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
