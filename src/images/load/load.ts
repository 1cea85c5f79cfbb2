import { readFile } from "node:fs/promises";
import { EngineError, invalid } from "../../base/errors.ts";
import { shortId } from "../../base/ids.ts";
import { MAX_CONFIG_BYTES, parseImageConfig } from "../../formats/oci/config.ts";
import type { Descriptor } from "../../formats/oci/descriptor.ts";
import { algorithmOf, type Digest, digestOf, hexOf } from "../../formats/oci/digest.ts";
import { encodeManifest } from "../../formats/oci/manifest.ts";
import { layerType, MEDIA_TYPES } from "../../formats/oci/media-types.ts";
import { formatPlatform, hostPlatform, type Platform, platformServes } from "../../formats/oci/platform.ts";
import type { Reference } from "../../formats/reference/reference.ts";
import type { Content } from "../../storage/content/content.ts";
import type { ImageRow, LayerRow } from "../../storage/records/images.ts";
import type { ProgressMessage } from "../images.ts";
import type { Entry, Library } from "../library.ts";
import { choosePlatform } from "../pull/choose-platform.ts";
import type { ImageStore, PreparedLayer } from "../store.ts";
import { type ArchiveFiles, type ArchiveMember, readArchive } from "./archive-files.ts";
import { decompressArchive } from "./decompress.ts";
import { type ArchivedImage, type ArchivedName, resolveArchive } from "./resolve.ts";

export interface LoadDeps {
  content: Content;
  store: ImageStore;
  library: Library;
}

export interface LoadOptions {
  quiet: boolean;
  /** The only ones that are wanted; undefined: every image of every platform. */
  platforms: Platform[] | undefined;
  report: (message: ProgressMessage) => void;
  signal: AbortSignal;
}

/** Members that are read as documents. */
const MAX_DOCUMENT_BYTES = 16 << 20;

export interface Loaded {
  /** What the names resolve to: of several platforms the one that runs best here. */
  entry: Entry;
  references: Reference[];
}

/** Loads every image of an archive, one after the other; those before a broken one stay. */
export async function loadArchive(
  deps: LoadDeps,
  archive: AsyncIterable<Uint8Array>,
  options: LoadOptions,
): Promise<Loaded[]> {
  const { content, store } = deps;
  const load: Load = { ...deps, options, prepared: new Map(), stored: new Map(), releases: [] };
  const onKnown = (digest: Digest) => void load.releases.push(store.leases.hold([digest]));
  try {
    const plain = await decompressArchive(archive, options.signal);
    const files = await readArchive(plain, { content, store, onKnown, signal: options.signal });
    try {
      const members = {
        read: (name: string) => readDocument(load, files, name),
        has: (name: string) => files.find(name) !== undefined,
      };
      const loaded: Loaded[] = [];
      for (const name of await resolveArchive(members, options.platforms)) {
        const one = await loadName(load, files, name);
        if (one !== undefined) loaded.push(one);
      }
      if (loaded.length > 0) return loaded;
      const wanted = (options.platforms ?? [hostPlatform()]).map(formatPlatform).join(", ");
      throw new EngineError("not-found", `image archive: no image for platform ${wanted}`);
    } finally {
      await files.dispose();
    }
  } finally {
    for (const { staged } of load.prepared.values()) await staged.discard().catch(() => undefined);
    for (const release of load.releases) release();
  }
}

/** One load under way. */
interface Load extends LoadDeps {
  options: LoadOptions;
  /** Unpacked, and not yet part of a stack. */
  prepared: Map<Digest, PreparedLayer>;
  /** Members whose blob is in content by now; images share layers. */
  stored: Map<ArchiveMember, LayerRow>;
  /** Ends the holds on blobs. */
  releases: (() => void)[];
}

/** undefined: of other platforms than those asked for. */
async function loadName(load: Load, files: ArchiveFiles, name: ArchivedName): Promise<Loaded | undefined> {
  const images: StoredImage[] = [];
  for (const image of name.images) {
    const stored = await storeImage(load, files, image);
    if (stored !== undefined) images.push(stored);
  }
  const own = choosePlatform(images, hostPlatform()) ?? images[0];
  if (own === undefined) return undefined;
  const others = images.filter((image) => image !== own).map(({ row }) => row);
  const entry = await installName(load, { ...name, own: own.row, others });
  return { entry, references: name.references };
}

interface Installation extends Pick<ArchivedName, "references" | "indexes"> {
  own: ImageRow;
  /** Of other platforms; they have no name of their own. */
  others: ImageRow[];
}

/** The name comes last: it keeps the others alive. If it cannot be had they go, too. */
async function installName(load: Load, { own, others, references, indexes }: Installation): Promise<Entry> {
  const { store, library, prepared: unpacked, content, options } = load;
  const install = { prepared: unpacked, signal: options.signal };
  const added: Digest[] = [];
  try {
    for (const row of others) {
      if (library.get(row.id) === undefined) added.push(row.id);
      await store.install({ ...install, row, references: [] });
    }
    for (const { digest, bytes } of indexes ?? []) {
      load.releases.push(store.leases.hold([digest]));
      await content.put(bytes, algorithmOf(digest));
    }
    const target = indexes?.[0]?.digest;
    const named = target === undefined ? {} : { target, fromArchive: true };
    return await store.install({ ...install, row: own, references, ...named });
  } catch (error) {
    for (const id of added) if (library.referencesOf(id).length === 0) library.remove(id);
    throw error;
  }
}

interface StoredImage {
  row: ImageRow;
  platform: Platform;
}

/** Brings an image's blobs into content. undefined: of another platform than those asked for. */
async function storeImage(load: Load, files: ArchiveFiles, image: ArchivedImage): Promise<StoredImage | undefined> {
  const { options } = load;
  const configBytes = await readDocument(load, files, image.config);
  if (configBytes === undefined) throw invalid(`image archive: ${JSON.stringify(image.config)} is missing`);
  if (configBytes.length > MAX_CONFIG_BYTES)
    throw invalid(`image archive: ${JSON.stringify(image.config)} is too large`);
  const { config } = parseImageConfig(configBytes);
  if (config.os !== "" && config.os !== "linux") throw invalid(`cannot load ${config.os} image on linux`);
  if (options.platforms?.some((platform) => platformServes(platform, config)) === false) return undefined;
  const configBlob = { digest: digestOf(configBytes), sizeBytes: configBytes.length };
  checkDescriptor(image.manifest?.config, configBlob);
  if (config.diffIds.length !== image.layers.length) {
    throw invalid(
      `invalid manifest, layers length mismatch: expected ${image.layers.length}, got ${config.diffIds.length}`,
    );
  }
  const layers: LayerRow[] = [];
  for (const [at, layer] of image.layers.entries()) {
    const row = await storeLayer(load, files, { ...layer, diffId: config.diffIds[at] as Digest });
    layers.push(row);
    if (!options.quiet) reportLayer(options, row);
  }
  const manifest = image.manifest?.bytes ?? makeManifest(configBlob, layers);
  load.releases.push(load.store.leases.hold([configBlob.digest, digestOf(manifest)]));
  await load.content.put(configBytes);
  const { digest: manifestDigest } = await load.content.put(manifest);
  return { row: { id: configBlob.digest, manifestDigest, layers }, platform: config };
}

interface ArchivedLayer {
  name: string;
  diffId: Digest;
  descriptor?: Descriptor;
}

/** Brings one layer's blob into content, and keeps the unpacked files for `install`. */
async function storeLayer(load: Load, files: ArchiveFiles, layer: ArchivedLayer): Promise<LayerRow> {
  const file = files.find(layer.name);
  if (file === undefined) throw invalid(`image archive: layer ${JSON.stringify(layer.name)} is missing`);
  const row =
    load.stored.get(file) ??
    (await (file.kind === "known" ? knownLayer(load, file.digest, layer) : unpackLayer(load, file)));
  load.stored.set(file, row);
  if (row.diffId !== layer.diffId) {
    throw invalid(
      `invalid diffID for layer ${layer.name}: expected ${JSON.stringify(layer.diffId)}, got ${JSON.stringify(row.diffId)}`,
    );
  }
  checkDescriptor(layer.descriptor, row);
  return layer.descriptor === undefined ? row : { ...row, mediaType: layer.descriptor.mediaType };
}

/** Content has verified it before. Its diffID is known if an image has it; else `install` unpacks it and checks. */
function knownLayer({ content, library }: Load, digest: Digest, layer: ArchivedLayer): LayerRow {
  const blob = content.stat(digest);
  if (blob === undefined) throw invalid(`image archive: layer ${JSON.stringify(layer.name)} is missing`);
  const rows = library.entries().flatMap(({ row }) => row.layers);
  const known = rows.find((row) => row.digest === digest);
  if (known !== undefined) return known;
  return { diffId: layer.diffId, digest, sizeBytes: blob.sizeBytes, mediaType: MEDIA_TYPES.ociLayer };
}

async function unpackLayer(load: Load, file: Exclude<ArchiveMember, { kind: "known" }>): Promise<LayerRow> {
  const { content, store, options } = load;
  const ingest = file.kind === "spooled" ? file.ingest : await content.ingest();
  try {
    if (file.kind === "small") await ingest.write([file.bytes]);
    const started = file.kind === "spooled" ? file.layer : undefined;
    const prepared = await (started ?? store.prepare(ingest.path, { signal: options.signal }));
    const { digest, sizeBytes, diffId, compression } = prepared.unpacked;
    if (load.prepared.has(diffId)) await prepared.staged.discard();
    else load.prepared.set(diffId, prepared);
    load.releases.push(store.leases.hold([digest]));
    await ingest.commitVerified({ digest, sizeBytes });
    return { diffId, digest, sizeBytes, mediaType: layerType(compression) };
  } catch (error) {
    await ingest.abort();
    throw error;
  }
}

function checkDescriptor(expected: Descriptor | undefined, actual: { digest: Digest; sizeBytes: number }): void {
  if (expected === undefined || (expected.digest === actual.digest && expected.sizeBytes === actual.sizeBytes)) return;
  throw invalid(`blob ${expected.digest}: wrong size or digest`);
}

function makeManifest(config: { digest: Digest; sizeBytes: number }, layers: LayerRow[]): Uint8Array {
  return encodeManifest(
    { ...config, mediaType: MEDIA_TYPES.ociConfig, annotations: {} },
    layers.map(({ digest, sizeBytes, mediaType }) => ({ digest, sizeBytes, mediaType, annotations: {} })),
  );
}

function reportLayer({ report }: LoadOptions, { diffId, sizeBytes }: LayerRow): void {
  report({ id: shortId(hexOf(diffId)), status: "Loading layer", current: sizeBytes, total: sizeBytes });
}

/** A small member, whether it came to lie in memory or, in an archive with many, on disk. undefined: none. */
async function readDocument({ content }: LoadDeps, files: ArchiveFiles, name: string): Promise<Uint8Array | undefined> {
  const file = files.find(name);
  switch (file?.kind) {
    case undefined:
      return undefined;
    case "small":
      return file.bytes;
    case "known":
      return content.read(file.digest, MAX_DOCUMENT_BYTES);
    case "spooled":
      if (file.ingest.sizeBytes > MAX_DOCUMENT_BYTES)
        throw invalid(`image archive: ${JSON.stringify(name)} is too large`);
      return readFile(file.ingest.path);
  }
}
