/** Content for the page, pushed with plain requests: each document is exactly what the test says. */
export interface Pushed {
  mediaType: string;
  digest: string;
  size: number;
}

const OCI = "application/vnd.oci.image";
export const IMAGE_TYPE = `${OCI}.manifest.v1+json`;
export const INDEX_TYPE = `${OCI}.index.v1+json`;
const CONFIG_TYPE = `${OCI}.config.v1+json`;
const LAYER_TYPE = `${OCI}.layer.v1.tar+gzip`;

export async function pushBlob(
  url: string,
  name: string,
  body: string | Uint8Array,
  mediaType: string,
): Promise<Pushed> {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const digest = digestOf(bytes);
  const started = await expectStatus(await fetch(`${url}/v2/${name}/blobs/uploads/`, { method: "POST" }), 202);
  const place = new URL(started.headers.get("Location") ?? "", url);
  place.searchParams.set("digest", digest);
  const headers = { "Content-Type": "application/octet-stream" };
  const target = url + place.pathname + place.search;
  await expectStatus(await fetch(target, { method: "PUT", headers, body: Buffer.from(bytes) }), 201);
  return { mediaType, digest, size: bytes.length };
}

/** Pushes a manifest under a tag or, without one, by its digest. */
export async function pushManifest(url: string, name: string, document: object, tag?: string): Promise<Pushed> {
  const mediaType = (document as { mediaType: string }).mediaType;
  const body = JSON.stringify(document);
  const digest = digestOf(new TextEncoder().encode(body));
  const headers = { "Content-Type": mediaType };
  const target = `${url}/v2/${name}/manifests/${tag ?? digest}`;
  await expectStatus(await fetch(target, { method: "PUT", headers, body }), 201);
  return { mediaType, digest, size: body.length };
}

export interface ImageParts {
  /** Sizes of the layers in bytes; their content is noise. */
  layers: number[];
  architecture?: string;
  variant?: string;
  config?: object;
  history?: object[];
  annotations?: Record<string, string>;
}

/** An image whose layers have these sizes. Nothing can unpack it; the page never tries. */
export async function pushImage(url: string, name: string, parts: ImageParts, tag?: string): Promise<Pushed> {
  const { layers: sizes, architecture = "amd64", variant, config = {}, history = [], annotations } = parts;
  const layers: Pushed[] = [];
  for (const [index, size] of sizes.entries()) {
    const noise = new Uint8Array(size).fill(index + 1 + architecture.length);
    layers.push(await pushBlob(url, name, noise, LAYER_TYPE));
  }
  const body = {
    architecture,
    os: "linux",
    ...(variant && { variant }),
    created: CREATED,
    config,
    history,
    rootfs: {},
  };
  const pushedConfig = await pushBlob(url, name, JSON.stringify(body), CONFIG_TYPE);
  const manifest = {
    schemaVersion: 2,
    mediaType: IMAGE_TYPE,
    config: pushedConfig,
    layers,
    ...(annotations && { annotations }),
  };
  return pushManifest(url, name, manifest, tag);
}

export const CREATED = "2026-01-02T03:04:05Z";

/** Images for several platforms under one tag. */
export async function pushIndex(url: string, name: string, tag: string): Promise<Pushed> {
  const manifests: object[] = [];
  for (const [architecture, variant, size] of [
    ["amd64", "", 400_000],
    ["arm64", "v8", 300_000],
  ] as const) {
    const parts: ImageParts = { layers: [size], architecture, config: { Cmd: [`/on-${architecture}`] } };
    const image = await pushImage(url, name, variant === "" ? parts : { ...parts, variant });
    manifests.push({ ...image, platform: { os: "linux", architecture, ...(variant !== "" && { variant }) } });
  }
  return pushManifest(url, name, { schemaVersion: 2, mediaType: INDEX_TYPE, manifests }, tag);
}

/** An artifact about `subject`, found through the fallback tag as on any registry without the API. */
export async function pushSbom(url: string, name: string, subject: Pushed): Promise<Pushed> {
  const empty = await pushBlob(url, name, "{}", "application/vnd.oci.empty.v1+json");
  const sbom = await pushBlob(url, name, '{"spdxVersion":"SPDX-2.3"}', "application/spdx+json");
  const layers = [{ ...sbom, annotations: { "org.opencontainers.image.title": "sbom.spdx.json" } }];
  const artifactType = "application/spdx+json";
  const manifest = { schemaVersion: 2, mediaType: IMAGE_TYPE, artifactType, config: empty, layers, subject };
  const pushed = await pushManifest(url, name, manifest);
  const index = { schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [{ ...pushed, artifactType }] };
  await pushManifest(url, name, index, subject.digest.replace(":", "-"));
  return pushed;
}

/** Many repositories of one small image each: `name(0)` … */
export async function pushMany(url: string, count: number, name: (index: number) => string): Promise<void> {
  const batch = 16;
  for (let start = 0; start < count; start += batch) {
    const indices = Array.from({ length: Math.min(batch, count - start) }, (_, offset) => start + offset);
    await Promise.all(indices.map((index) => pushImage(url, name(index), { layers: [64] }, "latest")));
  }
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
}

async function expectStatus(answer: Response, status: number): Promise<Response> {
  if (answer.status !== status) throw new Error(`${answer.url}: ${answer.status} ${await answer.text()}`);
  return answer;
}
