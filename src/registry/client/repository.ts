import { EngineError, invalid, isKind } from "../../base/errors.ts";
import { type Digest, digestOf, isDigest } from "../../formats/oci/digest.ts";
import { optionalArray, parseDocument } from "../../formats/oci/json.ts";
import { MAX_MANIFEST_BYTES } from "../../formats/oci/manifest.ts";
import { MEDIA_TYPES } from "../../formats/oci/media-types.ts";
import type { Reference } from "../../formats/reference/reference.ts";
import type { Capability, Endpoint } from "./endpoint.ts";
import { discard, readBody } from "./http.ts";
import type { Access, RemoteBlob, RemoteDocument, Repository } from "./registry-client.ts";
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

export interface Connection {
  deps: SessionDeps;
  servers: Servers;
}

/** Asks one server of the repository's domain about it. */
export type Asker = (endpoint: Endpoint, request: Omit<SessionRequest, "scope" | "credentials">) => Promise<Response>;

export function openRepository(
  { deps, servers }: Connection,
  { domain, path }: Pick<Reference, "domain" | "path">,
  access: Access,
): Repository {
  const { actions, credentials, mountFrom = [], headers = {} } = access;
  const scope = [`repository:${path}:${actions}`, ...mountFrom.map((from) => `repository:${from}:pull`)].join(" ");
  const askServer: Asker = (endpoint, request) =>
    ask(deps, endpoint, { ...request, headers: { ...headers, ...request.headers }, scope, credentials });
  const on = <T>(capability: Capability, job: (endpoint: Endpoint) => Promise<T>) =>
    servers.try(domain, capability, job);
  const get = (capability: Capability, suffix: string, options: { accept?: string; signal: AbortSignal }) =>
    on(capability, async (endpoint) => {
      const headers = options.accept === undefined ? {} : { Accept: options.accept };
      const request = { method: "GET", path: `/${path}${suffix}`, headers, signal: options.signal };
      return { endpoint, request, response: await askServer(endpoint, request) };
    });
  return {
    async manifest(reference, signal) {
      const capability = isDigest(reference) ? "pull" : "resolve";
      return on(capability, (endpoint) => fetchManifest(askServer, endpoint, { path, reference, signal }));
    },
    blob: (digest, { offset, signal }) =>
      on("pull", (endpoint) => fetchBlob(askServer, endpoint, { path, digest, offset, signal })),
    hasBlob: (digest, signal) => hasBlob(on, askServer, { path, digest, signal }),
    async tags(signal) {
      const found: string[] = [];
      let next: string | undefined = `/tags/list?n=${TAGS_AT_ONCE}`;
      while (next !== undefined) {
        const { endpoint, request, response } = await get("resolve", next, { signal });
        const where = { method: "GET", url: endpoint.base + request.path };
        found.push(...parseTags(await readBody(where, response, MAX_TAGS_BYTES)));
        if (found.length > MAX_TAGS) throw invalid(`${path} has more than ${MAX_TAGS} tags`);
        next = nextPage(response.headers.get("link"), found.at(-1));
      }
      return found;
    },
    mount: (digest, from, signal) =>
      on("push", (endpoint) => mountBlob(askServer, endpoint, { path, digest, from, signal })),
    upload: (digest, source, signal) =>
      on("push", (endpoint) => uploadBlob(askServer, endpoint, { path, digest, source, signal })),
    async putManifest(reference, document, signal) {
      await on("push", async (endpoint) => {
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

/** The bytes decide what a document is and which digest it has; what the server says of them must agree. */
async function fetchManifest(
  askServer: Asker,
  endpoint: Endpoint,
  { path, reference, signal }: Wanted & { reference: string },
): Promise<RemoteDocument> {
  const request = {
    method: "GET",
    path: `/${path}/manifests/${reference}`,
    headers: { Accept: MANIFEST_ACCEPT },
    signal,
  };
  const response = await askServer(endpoint, request);
  const bytes = await readBody({ method: "GET", url: endpoint.base + request.path }, response, MAX_MANIFEST_BYTES);
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

async function fetchBlob(
  askServer: Asker,
  endpoint: Endpoint,
  { path, digest, offset, signal }: Wanted & { digest: Digest; offset: number },
): Promise<RemoteBlob> {
  const headers = offset === 0 ? {} : { Range: `bytes=${offset}-` };
  const response = await askServer(endpoint, { method: "GET", path: `/${path}/blobs/${digest}`, headers, signal });
  const { body } = response;
  if (body === null) throw new EngineError("unavailable", `blob ${digest}: an answer without a body`);
  if (response.status !== 206) {
    return { offset: 0, totalBytes: length(response.headers.get("content-length")), body };
  }
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
  if (range === null || Number(range[1]) !== offset) {
    await discard(response);
    throw new EngineError("unavailable", `blob ${digest}: a part of it was asked for and another one sent`);
  }
  return { offset, totalBytes: length(range[2] ?? null), body };
}

function length(text: string | null): number | undefined {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

async function hasBlob(
  on: (capability: Capability, job: (endpoint: Endpoint) => Promise<boolean>) => Promise<boolean>,
  askServer: Asker,
  { path, digest, signal }: Wanted & { digest: Digest },
): Promise<boolean> {
  try {
    return await on("push", async (endpoint) => {
      await discard(await askServer(endpoint, { method: "HEAD", path: `/${path}/blobs/${digest}`, signal }));
      return true;
    });
  } catch (error) {
    if (isKind(error, "not-found")) return false;
    throw error;
  }
}

function parseTags(bytes: Uint8Array): string[] {
  const tags = optionalArray(parseDocument(bytes, MAX_TAGS_BYTES, "tags"), "tags", "tags", MAX_TAGS) ?? [];
  return tags.filter((tag): tag is string => typeof tag === "string");
}

/** Only whether there is more is taken from the header: where it lies follows from the last tag. */
function nextPage(link: string | null, last: string | undefined): string | undefined {
  if (link === null || last === undefined || !/rel="?next"?/.test(link)) return undefined;
  return `/tags/list?n=${TAGS_AT_ONCE}&last=${encodeURIComponent(last)}`;
}
