import { EngineError, invalid, isKind } from "../../base/errors.ts";
import { type Digest, digestOf, isDigest } from "../../formats/oci/digest.ts";
import { optionalArray, parseDocument } from "../../formats/oci/json.ts";
import { MAX_MANIFEST_BYTES } from "../../formats/oci/manifest.ts";
import { MEDIA_TYPES } from "../../formats/oci/media-types.ts";
import { isTag, type Reference } from "../../formats/reference/reference.ts";
import type { Capability, Endpoint } from "./endpoint.ts";
import { discard, readBody } from "./http.ts";
import type { Access, RemoteBlob, RemoteDocument, Repository } from "./registry-client.ts";
import { RegistryError } from "./registry-error.ts";
import { retrying } from "./retry.ts";
import { ask, type Servers, type SessionDeps, type SessionRequest } from "./session.ts";
import { mountBlob, uploadBlob } from "./upload.ts";

/** What is asked for, best first; whoever has none of it says what else he has. */
const MANIFEST_ACCEPT = [
  MEDIA_TYPES.ociIndex,
  MEDIA_TYPES.dockerIndex,
  MEDIA_TYPES.ociManifest,
  MEDIA_TYPES.dockerManifest,
  "*/*;q=0.1",
].join(", ");
const MAX_TAGS_BYTES = 16 << 20;
const MAX_TAGS = 100_000;
const TAGS_AT_ONCE = 1000;
const MAX_TAG_PAGES = 1000;

export interface Connection {
  deps: SessionDeps;
  servers: Servers;
}

/** Asks one server of the repository's domain about it. */
export type Asker = (endpoint: Endpoint, request: Omit<SessionRequest, "scope" | "credentials">) => Promise<Response>;

export interface Asking {
  deps: Pick<SessionDeps, "timeouts" | "clock">;
  askServer: Asker;
}

export function openRepository(
  { deps, servers }: Connection,
  { domain, path }: Pick<Reference, "domain" | "path">,
  access: Access,
): Repository {
  const { actions, credentials, mountFrom = [], headers = {} } = access;
  const scope = [`repository:${path}:${actions}`, ...mountFrom.map((from) => `repository:${from}:pull`)].join(" ");
  const askServer: Asker = (endpoint, request) =>
    ask(deps, endpoint, { ...request, headers: { ...headers, ...request.headers }, scope, credentials });
  const on = <T>(capability: Capability, job: (endpoint: Endpoint) => Promise<T>, pastMirrors = false) =>
    servers.try(domain, { capability, pastMirrors }, job);
  /** For requests that may be sent twice. */
  const steadily = <T>(signal: AbortSignal, capability: Capability, job: (endpoint: Endpoint) => Promise<T>) =>
    retrying(deps, signal, () => on(capability, job));
  return {
    async manifest(reference, signal) {
      const capability = isDigest(reference) ? "pull" : "resolve";
      return steadily(signal, capability, (endpoint) =>
        fetchManifest({ deps, askServer }, endpoint, { path, reference, signal }),
      );
    },
    digestOf: (tag, signal) =>
      steadily(signal, "resolve", (endpoint) => headManifest(askServer, endpoint, { path, reference: tag, signal })),
    blob: (digest, { pastMirrors = false, ...options }) =>
      on("pull", (endpoint) => fetchBlob(askServer, endpoint, { path, digest, ...options }), pastMirrors),
    hasBlob: (digest, signal) =>
      steadily(signal, "push", (endpoint) => hasBlob(askServer, endpoint, { path, digest, signal })),
    async tags(signal) {
      const found = new Set<string>();
      let last: string | undefined;
      for (let page = 0; page < MAX_TAG_PAGES; page++) {
        const { tags, hasMore } = await steadily(signal, "resolve", (endpoint) =>
          fetchTags({ deps, askServer }, endpoint, { path, last, signal }),
        );
        const before = found.size;
        for (const tag of tags) found.add(tag);
        if (found.size > MAX_TAGS) throw invalid(`${path} has more than ${MAX_TAGS} tags`);
        // A server that sends what it has sent before would do so for ever.
        if (!hasMore || found.size === before) break;
        last = tags.at(-1);
      }
      return [...found];
    },
    mount: (digest, from, signal) =>
      on("push", (endpoint) => mountBlob(askServer, endpoint, { path, digest, from, signal })),
    upload: (digest, source, signal) =>
      on("push", (endpoint) => uploadBlob({ deps, askServer }, endpoint, { path, digest, source, signal })),
    async putManifest(reference, document, signal) {
      await steadily(signal, "push", async (endpoint) => {
        const request = { method: "PUT", path: `/${path}/manifests/${reference}`, body: document.bytes, signal };
        const response = await askServer(endpoint, { ...request, headers: { "Content-Type": document.mediaType } });
        await discard(response);
        const stored = response.headers.get("docker-content-digest");
        if (stored !== null && stored !== document.digest && isDigest(stored) && stored.startsWith("sha256:")) {
          throw invalid(`the registry stored manifest ${document.digest} as ${stored}`);
        }
      });
    },
  };
}

interface Wanted {
  path: string;
  signal: AbortSignal;
}

type Reading = Pick<Asking, "askServer"> & { deps: Pick<SessionDeps, "timeouts"> };

async function readDocument(
  { deps: { timeouts }, askServer }: Reading,
  endpoint: Endpoint,
  { request, limitBytes }: { request: Parameters<Asker>[1]; limitBytes: number },
): Promise<{ response: Response; bytes: Uint8Array }> {
  const response = await askServer(endpoint, request);
  const where = { method: request.method, url: endpoint.base + request.path, timeouts, signal: request.signal };
  return { response, bytes: await readBody(where, response, limitBytes) };
}

/** Only whether there is more is taken from the header: where it lies follows from the last tag. */
async function fetchTags(
  reading: Reading,
  endpoint: Endpoint,
  { path, last, signal }: Wanted & { last: string | undefined },
): Promise<{ tags: string[]; hasMore: boolean }> {
  const from = last === undefined ? "" : `&last=${encodeURIComponent(last)}`;
  const request = { method: "GET", path: `/${path}/tags/list?n=${TAGS_AT_ONCE}${from}`, signal };
  const { response, bytes } = await readDocument(reading, endpoint, { request, limitBytes: MAX_TAGS_BYTES });
  return { tags: parseTags(bytes), hasMore: /rel="?next"?/.test(response.headers.get("link") ?? "") };
}

/** The bytes decide what a document is and which digest it has; what the server says of them must agree. */
async function fetchManifest(
  reading: Reading,
  endpoint: Endpoint,
  { path, reference, signal }: Wanted & { reference: string },
): Promise<RemoteDocument> {
  const headers = { Accept: MANIFEST_ACCEPT };
  const request = { method: "GET", path: `/${path}/manifests/${reference}`, headers, signal };
  const { response, bytes } = await readDocument(reading, endpoint, { request, limitBytes: MAX_MANIFEST_BYTES });
  const digest = isDigest(reference) && reference.startsWith("sha512:") ? sha512Of(bytes) : digestOf(bytes);
  if (isDigest(reference) && digest !== reference) {
    throw invalid(`manifest verification failed for digest ${reference}`);
  }
  const told = response.headers.get("docker-content-digest");
  if (
    told !== null &&
    isDigest(told) &&
    told.startsWith("sha256:") &&
    digest.startsWith("sha256:") &&
    told !== digest
  ) {
    throw invalid(`manifest verification failed for digest ${told}`);
  }
  const [mediaType = ""] = (response.headers.get("content-type") ?? "").split(";");
  return { mediaType: mediaType.trim(), digest, bytes };
}

function sha512Of(bytes: Uint8Array): Digest {
  return `sha512:${new Bun.CryptoHasher("sha512").update(bytes).digest("hex")}` as Digest;
}

async function headManifest(
  askServer: Asker,
  endpoint: Endpoint,
  { path, reference, signal }: Wanted & { reference: string },
): Promise<Digest | undefined> {
  const headers = { Accept: MANIFEST_ACCEPT };
  const response = await askServer(endpoint, {
    method: "HEAD",
    path: `/${path}/manifests/${reference}`,
    headers,
    signal,
  });
  await discard(response);
  const digest = response.headers.get("docker-content-digest") ?? "";
  return isDigest(digest) ? digest : undefined;
}

async function fetchBlob(
  askServer: Asker,
  endpoint: Endpoint,
  wanted: Wanted & { digest: Digest; sizeBytes?: number; offset: number },
): Promise<RemoteBlob> {
  const blob = await openBlob(askServer, endpoint, wanted);
  const { digest, sizeBytes } = wanted;
  if (sizeBytes === undefined || blob.totalBytes === undefined || blob.totalBytes === sizeBytes) return blob;
  await blob.body[Symbol.asyncIterator]().return?.();
  throw invalid(`blob ${digest} has ${blob.totalBytes} bytes at the registry, ${sizeBytes} were announced`);
}

async function openBlob(
  askServer: Asker,
  endpoint: Endpoint,
  { path, digest, offset, signal }: Wanted & { digest: Digest; offset: number },
): Promise<RemoteBlob> {
  const headers = offset === 0 ? {} : { Range: `bytes=${offset}-` };
  const whole = () => openBlob(askServer, endpoint, { path, digest, offset: 0, signal });
  let response: Response;
  try {
    response = await askServer(endpoint, { method: "GET", path: `/${path}/blobs/${digest}`, headers, signal });
  } catch (error) {
    if (offset > 0 && error instanceof RegistryError && error.status === 416) return whole();
    throw error;
  }
  const { body } = response;
  if (body === null) throw new EngineError("unavailable", `blob ${digest}: an answer without a body`);
  if (response.status !== 206) {
    return { offset: 0, totalBytes: length(response.headers.get("content-length")), body };
  }
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
  if (range !== null && Number(range[1]) === offset) return { offset, totalBytes: length(range[2] ?? null), body };
  await discard(response);
  if (offset === 0) throw new EngineError("unavailable", `blob ${digest}: all of it was asked for and a part sent`);
  // A server that cannot count may still have the whole.
  return whole();
}

function length(text: string | null): number | undefined {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

async function hasBlob(
  askServer: Asker,
  endpoint: Endpoint,
  { path, digest, signal }: Wanted & { digest: Digest },
): Promise<boolean> {
  try {
    await discard(await askServer(endpoint, { method: "HEAD", path: `/${path}/blobs/${digest}`, signal }));
    return true;
  } catch (error) {
    if (isKind(error, "not-found")) return false;
    throw error;
  }
}

function parseTags(bytes: Uint8Array): string[] {
  const tags = optionalArray(parseDocument(bytes, MAX_TAGS_BYTES, "tags"), "tags", "tags", MAX_TAGS) ?? [];
  return tags.filter((tag): tag is string => typeof tag === "string" && isTag(tag));
}
