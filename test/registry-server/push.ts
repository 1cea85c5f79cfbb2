import { createHash } from "node:crypto";

/** What pushes: a server in this process, or anything with an address. */
export interface Target {
  url: string;
  headers?: Record<string, string>;
}

export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
const OCTETS = "application/octet-stream";

export function digestOf(bytes: Uint8Array | string, algorithm = "sha256"): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

/** One request that must succeed. */
export async function must(target: Target, path: string, init: RequestInit = {}): Promise<Response> {
  const url = path.startsWith("http") ? path : `${target.url}${path}`;
  const response = await fetch(url, { ...init, headers: { ...target.headers, ...(init.headers as object) } });
  if (!response.ok) throw new Error(`${init.method ?? "GET"} ${path}: ${response.status} ${await response.text()}`);
  return response;
}

/** Starts an upload; its address. */
export async function startUpload(target: Target, repository: string): Promise<string> {
  const response = await must(target, `/v2/${repository}/blobs/uploads/`, { method: "POST" });
  return response.headers.get("location") ?? "";
}

export async function pushBlob(target: Target, repository: string, bytes: Uint8Array | string): Promise<string> {
  const digest = digestOf(bytes);
  const location = new URL(await startUpload(target, repository), target.url);
  location.searchParams.set("digest", digest);
  await must(target, location.href, { method: "PUT", body: bytes as string, headers: { "Content-Type": OCTETS } });
  return digest;
}

export interface Described {
  mediaType: string;
  digest: string;
  size: number;
}

export function describe(bytes: Uint8Array | string, mediaType = OCTETS): Described {
  return { mediaType, digest: digestOf(bytes), size: Buffer.byteLength(bytes) };
}

export interface ImageParts {
  /** Makes the image another one. */
  layer?: string;
  more?: object;
}

/** A small image's manifest, its blobs pushed. */
export async function pushParts(target: Target, repository: string, { layer = "layer", more }: ImageParts = {}) {
  const config = "{}";
  await pushBlob(target, repository, config);
  await pushBlob(target, repository, layer);
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: describe(config, "application/vnd.oci.image.config.v1+json"),
    layers: [describe(layer, "application/vnd.oci.image.layer.v1.tar")],
    ...more,
  });
}

export async function putManifest(target: Target, path: string, text: string, type = OCI_MANIFEST): Promise<Response> {
  return must(target, `/v2/${path}`, { method: "PUT", body: text, headers: { "Content-Type": type } });
}

/** Pushes a whole small image under a tag; its digest. */
export async function pushImage(target: Target, repository: string, tag: string, parts: ImageParts = {}) {
  const text = await pushParts(target, repository, parts);
  await putManifest(target, `${repository}/manifests/${tag}`, text);
  return digestOf(text);
}
