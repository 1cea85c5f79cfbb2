import { gzipSync } from "node:zlib";
import { type Digest, digestOf } from "../../src/formats/oci/digest.ts";
import { MEDIA_TYPES } from "../../src/formats/oci/media-types.ts";
import { answer, head, type RawRequest, type ServerTls, serveRaw } from "./raw-http.ts";

/** A request that was seen. */
export interface Seen {
  method: string;
  target: string;
  headers: Record<string, string>;
  /** `CN` of the client's certificate. */
  client: string | undefined;
}

/** Answers in place of the registry; false: the registry shall. `nth`: how often this hook was asked before, from 0. */
export type Hook = (request: RawRequest, nth: number) => boolean | Promise<boolean>;

export interface FakeImage {
  tag: string;
  config: Buffer;
  configDigest: Digest;
  manifest: Buffer;
  digest: Digest;
  layers: { digest: Digest; bytes: Buffer }[];
}

interface Layer {
  bytes: Uint8Array;
  mediaType?: string;
  /** Plain tar that the bytes are said to hold. */
  diffId?: Digest;
  /** Descriptor's own size and digest, where they are to lie. */
  size?: number;
  digest?: string;
}

/** A registry in this process that behaves, except where a hook makes it misbehave. It keeps everything in memory. */
export interface FakeRegistry extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  host: string;
  seen: Seen[];
  /** Requests that were seen, as `GET /v2/…`, that match. */
  requests(pattern: RegExp): string[];
  /** The hook for requests `GET /v2/…` that match; of several the latest is asked first. */
  on(pattern: RegExp, hook: Hook): void;
  blobs: Map<string, Buffer>;
  /** By `repository:tag` and `repository@digest`. */
  manifests: Map<string, { mediaType: string; bytes: Buffer }>;
  /** What has come of an upload, by the last part of its place. */
  uploads: Map<string, Buffer>;
  putBlob(bytes: Uint8Array): Digest;
  putManifest(
    repository: string,
    tag: string,
    document: unknown,
    mediaType?: string,
  ): { digest: Digest; bytes: Buffer };
  /** An image of layers (tars, gzipped on their way in, or as they are said to be). */
  putImage(repository: string, tag: string, layers: (Uint8Array | Layer)[], config?: object): FakeImage;
  /** Hangs up all connections and listens no more, or listens again. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export const ARCHITECTURE = process.arch === "arm64" ? "arm64" : "amd64";

export async function startFakeRegistry(
  options: { tls?: ServerTls; hooks?: [RegExp, Hook][] } = {},
): Promise<FakeRegistry> {
  const hooks: { pattern: RegExp; hook: Hook; asked: number }[] = [];
  const seen: Seen[] = [];
  const store = createStore();
  const handle = async (request: RawRequest) => {
    const { method, target, headers, client } = request;
    seen.push({ method, target, headers, client });
    for (const one of hooks) {
      if (one.pattern.test(`${method} ${target}`) && (await one.hook(request, one.asked++))) return;
    }
    await serve(store, request);
  };
  let server = await serveRaw(handle, options);
  const { port } = server;
  const registry: FakeRegistry = {
    host: `127.0.0.1:${port}`,
    seen,
    requests: (pattern) => seen.map(({ method, target }) => `${method} ${target}`).filter((text) => pattern.test(text)),
    on: (pattern, hook) => void hooks.unshift({ pattern, hook, asked: 0 }),
    ...store,
    stop: () => server.close(),
    async start() {
      server = await serveRaw(handle, { ...options, port });
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
  for (const [pattern, hook] of options.hooks ?? []) registry.on(pattern, hook);
  return registry;
}

type Store = Pick<FakeRegistry, "blobs" | "manifests" | "uploads" | "putBlob" | "putManifest" | "putImage">;

function createStore(): Store {
  const blobs = new Map<string, Buffer>();
  const manifests: Store["manifests"] = new Map();
  const putBlob = (bytes: Uint8Array) => {
    const digest = digestOf(bytes);
    blobs.set(digest, Buffer.from(bytes));
    return digest;
  };
  const putManifest: Store["putManifest"] = (repository, tag, document, mediaType = mediaTypeOf(document)) => {
    const bytes = document instanceof Uint8Array ? Buffer.from(document) : Buffer.from(JSON.stringify(document));
    const digest = digestOf(bytes);
    for (const name of [`${repository}@${digest}`, `${repository}:${tag}`]) manifests.set(name, { mediaType, bytes });
    return { digest, bytes };
  };
  return {
    blobs,
    manifests,
    uploads: new Map(),
    putBlob,
    putManifest,
    putImage(repository, tag, layers, config = {}) {
      const parts = layers.map(layerOf);
      const document = {
        architecture: ARCHITECTURE,
        os: "linux",
        config: {},
        rootfs: { type: "layers", diff_ids: parts.map(({ diffId }) => diffId) },
        ...config,
      };
      const configBytes = Buffer.from(JSON.stringify(document));
      const configDigest = putBlob(configBytes);
      for (const { bytes, digest } of parts) blobs.set(digest, bytes);
      const { digest, bytes: manifest } = putManifest(repository, tag, {
        schemaVersion: 2,
        mediaType: MEDIA_TYPES.ociManifest,
        config: { mediaType: MEDIA_TYPES.ociConfig, digest: configDigest, size: configBytes.length },
        layers: parts.map((part) => ({ mediaType: part.mediaType, digest: part.digest, size: part.size })),
      });
      return { tag, config: configBytes, configDigest, manifest, digest, layers: parts };
    },
  };
}

function layerOf(layer: Uint8Array | Layer) {
  if (layer instanceof Uint8Array) {
    const bytes = gzipSync(layer, { level: 1 });
    const mediaType: string = MEDIA_TYPES.ociLayerGzip;
    return { bytes, digest: digestOf(bytes), size: bytes.length, diffId: digestOf(layer), mediaType };
  }
  const bytes = Buffer.from(layer.bytes);
  return {
    bytes,
    digest: (layer.digest ?? digestOf(bytes)) as Digest,
    size: layer.size ?? bytes.length,
    diffId: layer.diffId ?? digestOf(bytes),
    mediaType: layer.mediaType ?? (MEDIA_TYPES.ociLayerGzip as string),
  };
}

function mediaTypeOf(document: unknown): string {
  const { mediaType } = document as { mediaType?: unknown };
  return typeof mediaType === "string" ? mediaType : MEDIA_TYPES.ociManifest;
}

/** The distribution API. @see distribution-spec */
async function serve(store: Store, request: RawRequest): Promise<void> {
  const [, repository = "", kind = "", rest = ""] =
    /^\/v2\/(.+)\/(manifests|blobs\/uploads|blobs|tags)\/(.*)$/.exec(request.path) ?? [];
  if (request.path === "/v2/") return answer(request, { body: "{}" });
  switch (kind) {
    case "manifests":
      return request.method === "PUT"
        ? takeManifest(store, request, { repository, reference: rest })
        : giveManifest(store, request, { repository, reference: rest });
    case "blobs":
      return giveBlob(request, store.blobs.get(rest));
    case "tags":
      return giveTags(store, request, repository);
    case "blobs/uploads":
      return upload(store, request, { repository, id: rest });
    default:
      return refuse(request, 404, "UNSUPPORTED");
  }
}

/** An error in the form of the distribution specification. */
export function refuse(request: RawRequest, status: number, code: string, headers: Record<string, string> = {}): void {
  const body = JSON.stringify({ errors: [{ code, message: code.toLowerCase().replaceAll("_", " ") }] });
  answer(request, { status, headers: { "Content-Type": "application/json", ...headers }, body });
}

function giveManifest(store: Store, request: RawRequest, named: { repository: string; reference: string }): void {
  const { repository, reference } = named;
  const found = store.manifests.get(`${repository}${reference.includes(":") ? "@" : ":"}${reference}`);
  if (found === undefined) return refuse(request, 404, "MANIFEST_UNKNOWN");
  const { mediaType, bytes } = found;
  answer(request, {
    headers: { "Content-Type": mediaType, "Docker-Content-Digest": digestOf(bytes) },
    body: bytes,
  });
}

async function takeManifest(store: Store, request: RawRequest, named: { repository: string; reference: string }) {
  const bytes = await request.body();
  const { digest } = store.putManifest(named.repository, named.reference, bytes, request.headers["content-type"]);
  answer(request, { status: 201, headers: { "Docker-Content-Digest": digest } });
}

export function giveBlob(request: RawRequest, blob: Buffer | undefined): void {
  if (blob === undefined) return refuse(request, 404, "BLOB_UNKNOWN");
  const from = rangeStart(request);
  if (from === 0) return answer(request, { body: blob });
  if (from >= blob.length) return refuse(request, 416, "RANGE_INVALID");
  const headers = { "Content-Range": `bytes ${from}-${blob.length - 1}/${blob.length}` };
  answer(request, { status: 206, headers, body: blob.subarray(from) });
}

/** The head of a whole answer to a blob's GET, its bytes up to `end`, and then nothing: the caller goes on or hangs up. */
export function beginBlob(request: RawRequest, blob: Buffer, end: number): void {
  const from = rangeStart(request);
  const range = { "Content-Range": `bytes ${from}-${blob.length - 1}/${blob.length}` };
  const headers = { "Content-Length": blob.length - from, ...(from === 0 ? {} : range) };
  request.socket.write(head(from === 0 ? 200 : 206, headers));
  if (end > from) request.socket.write(blob.subarray(from, end));
}

export function rangeStart({ headers }: Pick<RawRequest, "headers">): number {
  return Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
}

/** `n` at once, the rest behind `Link`. */
function giveTags({ manifests }: Store, request: RawRequest, repository: string): void {
  const all = [...manifests.keys()].filter((name) => name.startsWith(`${repository}:`));
  const tags = all.map((name) => name.slice(repository.length + 1)).sort();
  if (tags.length === 0) return refuse(request, 404, "NAME_UNKNOWN");
  const after = tags.filter((tag) => tag > (request.query.get("last") ?? ""));
  const page = after.slice(0, Number(request.query.get("n") ?? after.length));
  const link = `</v2/${repository}/tags/list?n=${page.length}&last=${page.at(-1)}>; rel="next"`;
  answer(request, {
    headers: page.length < after.length ? { Link: link } : {},
    body: JSON.stringify({ name: repository, tags: page }),
  });
}

async function upload(store: Store, request: RawRequest, { repository, id }: { repository: string; id: string }) {
  const { uploads, blobs } = store;
  const place = (name: string) => ({ Location: `/v2/${repository}/blobs/uploads/${name}` });
  if (request.method === "POST") {
    const mount = request.query.get("mount");
    if (mount !== null && blobs.has(mount)) return answer(request, { status: 201 });
    const name = `u${uploads.size}`;
    uploads.set(name, Buffer.alloc(0));
    return answer(request, { status: 202, headers: place(name) });
  }
  const sofar = uploads.get(id);
  if (sofar === undefined) return refuse(request, 404, "BLOB_UPLOAD_UNKNOWN");
  if (request.method === "DELETE") {
    uploads.delete(id);
    return answer(request, { status: 204 });
  }
  const range = (bytes: Buffer) => ({ ...place(id), Range: `0-${Math.max(0, bytes.length - 1)}` });
  if (request.method === "GET") return answer(request, { status: 204, headers: range(sofar) });
  const bytes = Buffer.concat([sofar, await request.body()]);
  uploads.set(id, bytes);
  if (request.method === "PATCH") return answer(request, { status: 202, headers: range(bytes) });
  if (digestOf(bytes) !== request.query.get("digest")) return refuse(request, 400, "DIGEST_INVALID");
  store.putBlob(bytes);
  uploads.delete(id);
  answer(request, { status: 201 });
}
