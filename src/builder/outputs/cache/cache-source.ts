import { EngineError, invalid } from "../../../base/errors.ts";
import { MAX_CONFIG_BYTES, parseImageConfig } from "../../../formats/oci/config.ts";
import { type Digest, parseDigest } from "../../../formats/oci/digest.ts";
import type { Descriptor } from "../../../formats/oci/descriptor.ts";
import { type Manifest, MAX_MANIFEST_BYTES, parseManifestDocument } from "../../../formats/oci/manifest.ts";
import { parseTagged } from "../../../formats/reference/reference.ts";
import { isAttestation } from "../../../images/index-manifests.ts";
import { readBlob } from "../../../images/pull/read-blob.ts";
import { parseRemote } from "../../../images/pull/resolve-image.ts";
import type { PreparedLayer } from "../../../images/store.ts";
import type { LayerRow } from "../../../storage/records/images.ts";
import type { CacheSpec, SolveRequest } from "../../builder.ts";
import type { BuildSession } from "../../session.ts";
import { booleanOf } from "../attributes.ts";
import { credentialsFor, type OutputsDeps } from "../export-context.ts";
import { fetchFromClient, readVerified } from "./client-blobs.ts";
import { type CacheRecord, MAX_CACHE_CONFIG_BYTES, parseCacheConfig } from "./cache-config.ts";
import { parseInlineCache } from "./inline-cache.ts";
import { CACHE_CONFIG_TYPE } from "./pack-cache.ts";

/** A cache that was read. */
export interface CacheSource {
  records: CacheRecord[];
  /** Brings a layer's blob into content, verified, and unpacks it. undefined: all of it is here. */
  fetch: ((layer: LayerRow, signal: AbortSignal) => Promise<PreparedLayer>) | undefined;
}

export interface SourceDeps extends Pick<OutputsDeps, "content" | "images" | "distribution" | "clock"> {
  session: BuildSession | undefined;
  accounts: SolveRequest["accounts"];
}

/** Manifests of one index that are looked at: platforms that were built together. */
const MAX_PLATFORMS = 16;

/** Images of that name that are here: built here, or brought by somebody else. */
export async function readLocalImages({ content, images }: SourceDeps, reference: string): Promise<CacheSource> {
  const records: CacheRecord[] = [];
  for (const { row } of images.library.variants(reference)) {
    const config: unknown = JSON.parse(Buffer.from(await content.read(row.id, MAX_CONFIG_BYTES)).toString());
    records.push(...parseInlineCache(config, row.layers));
  }
  return { records, fetch: undefined };
}

/** A cache manifest, or an image whose config is a cache. Throws what a pull throws. */
export async function readRegistryCache(
  deps: SourceDeps,
  { attributes }: CacheSpec,
  signal: AbortSignal,
): Promise<CacheSource> {
  const { distribution, clock, session, accounts } = deps;
  const reference = parseTagged(attributes.ref ?? "");
  const credentials = await credentialsFor({ session, accounts }, reference.domain, signal);
  const repository = distribution.open(reference, {
    push: false,
    insecure: booleanOf(attributes, "registry.insecure", false),
    ...(credentials === undefined ? {} : { credentials }),
  });
  const read = (blob: Descriptor) => readBlob({ repository, clock }, blob, signal);
  const name = reference.digest ?? reference.tag ?? "latest";
  const document = parseRemote(await repository.manifest(name, signal));
  const records: CacheRecord[] = [];
  if (document.kind === "manifest") records.push(...(await readManifest(document, read)));
  else {
    const children = document.manifests.filter((child) => !isAttestation(child)).slice(0, MAX_PLATFORMS);
    for (const { digest } of children) {
      const child = parseRemote(await repository.manifest(digest, signal));
      if (child.kind === "manifest") records.push(...(await readManifest(child, read)));
    }
  }
  return { records, fetch: (layer, own) => distribution.fetcher.fetch(layer, repository, own) };
}

/** A cache in a directory of the client. Its blobs are believed as little as a registry's. */
export async function readClientCache(
  deps: SourceDeps,
  { attributes }: CacheSpec,
  signal: AbortSignal,
): Promise<CacheSource> {
  const layouts = deps.session?.layouts;
  if (layouts === undefined) {
    throw new EngineError("not-implemented", "cache of type local: this client offers no directory for it");
  }
  const id = `local:${attributes.src}`;
  const digest = parseDigest(attributes.digest ?? "");
  const bytes = await readVerified(layouts.read(id, digest, signal), { digest, limitBytes: MAX_MANIFEST_BYTES });
  const document = parseManifestDocument(bytes, `manifest ${digest}`);
  if (document.kind !== "manifest") throw invalid(`manifest ${digest} is an index: a cache is a manifest`);
  const read = (blob: Descriptor) =>
    readVerified(layouts.read(id, blob.digest, signal), { digest: blob.digest, limitBytes: blob.sizeBytes });
  const records = await readManifest(document, read);
  return { records, fetch: (layer, own) => fetchFromClient(deps, { layouts, id, layer }, own) };
}

async function readManifest(
  { config, layers }: Manifest,
  read: (blob: Descriptor) => Promise<Uint8Array>,
): Promise<CacheRecord[]> {
  if (config.mediaType === CACHE_CONFIG_TYPE) {
    if (config.sizeBytes > MAX_CACHE_CONFIG_BYTES) throw invalid("the cache's list is too large");
    const listed = new Set(layers.map(({ digest }) => digest));
    const records = parseCacheConfig(await read(config), undefined);
    return records.filter((record) => record.layers.every(({ digest }) => listed.has(digest)));
  }
  if (config.sizeBytes > MAX_CONFIG_BYTES) throw invalid("the image's config is too large");
  const bytes = await read(config);
  const { diffIds } = parseImageConfig(bytes).config;
  if (diffIds.length !== layers.length) {
    throw invalid(`image config has ${diffIds.length} layers, its manifest ${layers.length}`);
  }
  const rows = layers.map(({ digest, sizeBytes, mediaType }, at) => ({
    diffId: diffIds[at] as Digest,
    digest,
    sizeBytes,
    mediaType,
  }));
  return parseInlineCache(JSON.parse(Buffer.from(bytes).toString()), rows);
}
