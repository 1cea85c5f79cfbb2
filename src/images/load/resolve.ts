import { invalid } from "../../base/errors.ts";
import type { Descriptor } from "../../formats/oci/descriptor.ts";
import { type Digest, digestOf, hexOf } from "../../formats/oci/digest.ts";
import { isObject, parseArrayDocument, stringArray } from "../../formats/oci/json.ts";
import { isRunnable, MAX_LAYERS, parseManifestDocument } from "../../formats/oci/manifest.ts";
import { isIndexType } from "../../formats/oci/media-types.ts";
import { type Platform, platformMatches } from "../../formats/oci/platform.ts";
import { parseReference, parseTagged, type Reference } from "../../formats/reference/reference.ts";

/** One image that an archive holds, by names of members. */
export interface ArchivedImage {
  config: string;
  layers: { name: string; descriptor?: Descriptor }[];
  references: Reference[];
  /** The manifest as it stands in an OCI layout; undefined: a Docker archive without one. */
  manifest?: { bytes: Uint8Array; config: Descriptor };
}

/** Reads a member that is small; throws when it is missing or large. */
export type ReadMember = (name: string) => Promise<Uint8Array | undefined>;

const MAX_NESTING = 4;
/** `manifest.json` of an archive with many images. */
const MAX_LISTING_BYTES = 16 << 20;
const MAX_IMAGES = 1000;

/** What an archive holds: Docker's `manifest.json` where there is one, with the OCI manifests of the same images, else `index.json`. */
export async function resolveArchive(read: ReadMember, platform: Platform): Promise<ArchivedImage[]> {
  const index = await read("index.json");
  const listing = await read("manifest.json");
  const fromIndex = index === undefined ? [] : await resolveIndex(read, index, platform);
  if (listing === undefined) {
    if (index === undefined) throw invalid("invalid archive: does not contain a manifest.json or index.json");
    return fromIndex;
  }
  return resolveListing(listing).map((image) => withManifest(image, fromIndex));
}

/** Docker's own list. @see moby image spec v1.2 "Combined Image JSON + Filesystem Changeset Format" */
function resolveListing(bytes: Uint8Array): ArchivedImage[] {
  const entries = parseArrayDocument(bytes, MAX_LISTING_BYTES, "manifest.json");
  if (entries.length > MAX_IMAGES) throw invalid(`manifest.json: more than ${MAX_IMAGES} images`);
  return entries.map((entry) => {
    if (!isObject(entry) || typeof entry.Config !== "string") throw invalid("manifest.json: entry without Config");
    const layers = stringArray(entry, "Layers", "manifest.json", MAX_LAYERS) ?? [];
    const tags = stringArray(entry, "RepoTags", "manifest.json", MAX_IMAGES) ?? [];
    return { config: entry.Config, layers: layers.map((name) => ({ name })), references: tags.map(parseTagged) };
  });
}

/** The same image's manifest keeps its digest and those of its layers. */
function withManifest(image: ArchivedImage, candidates: ArchivedImage[]): ArchivedImage {
  const same = candidates.find(
    (candidate) => candidate.config === image.config && candidate.layers.length === image.layers.length,
  );
  if (same?.manifest === undefined || same.layers.some(({ name }, at) => name !== image.layers[at]?.name)) return image;
  return { ...image, layers: same.layers, manifest: same.manifest };
}

async function resolveIndex(read: ReadMember, bytes: Uint8Array, platform: Platform): Promise<ArchivedImage[]> {
  const index = parseManifestDocument(bytes, "index.json");
  if (index.kind !== "index") throw invalid("index.json: not an index");
  const images = new Map<string, ArchivedImage>();
  for (const descriptor of index.manifests) {
    const found = await resolveDescriptor(read, descriptor, { platform, depth: 0 });
    if (found === undefined) continue;
    const known = images.get(found.config) ?? found;
    images.set(found.config, { ...known, references: [...known.references, ...annotatedName(descriptor)] });
  }
  return [...images.values()];
}

/** undefined: nothing for this platform, or not an image (an attestation). */
async function resolveDescriptor(
  read: ReadMember,
  descriptor: Descriptor,
  { platform, depth }: { platform: Platform; depth: number },
): Promise<ArchivedImage | undefined> {
  if (depth > MAX_NESTING) throw invalid("index.json: indexes nested too deeply");
  const bytes = await readVerified(read, descriptor);
  if (bytes === undefined) return undefined;
  const document = parseManifestDocument(bytes, `manifest ${descriptor.digest}`);
  if ((document.kind === "index") !== isIndexType(descriptor.mediaType)) {
    throw invalid(`manifest ${descriptor.digest}: not of media type ${descriptor.mediaType}`);
  }
  if (document.kind === "index") {
    const candidates = document.manifests.filter(
      (child) => child.platform !== undefined && platformMatches(platform, child.platform),
    );
    for (const child of candidates) {
      const found = await resolveDescriptor(read, child, { platform, depth: depth + 1 });
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (!isRunnable(document)) return undefined;
  return {
    config: blobName(document.config.digest),
    layers: document.layers.map((layer) => ({ name: blobName(layer.digest), descriptor: layer })),
    references: [],
    manifest: { bytes, config: document.config },
  };
}

/** An archive may leave out the manifests of other platforms. */
async function readVerified(read: ReadMember, { digest, sizeBytes }: Descriptor): Promise<Uint8Array | undefined> {
  const bytes = await read(blobName(digest));
  if (bytes === undefined) return undefined;
  if (bytes.length !== sizeBytes || digestOf(bytes) !== digest) throw invalid(`blob ${digest}: wrong size or digest`);
  return bytes;
}

/** containerd's full name; a bare `ref.name` is only a tag, which names nothing here. */
function annotatedName({ annotations }: Descriptor): Reference[] {
  const full = annotations["io.containerd.image.name"];
  const name = full ?? annotations["org.opencontainers.image.ref.name"];
  if (name === undefined || (full === undefined && !/[:/]/.test(name))) return [];
  const reference = parseReference(name);
  return [reference.tag === undefined && reference.digest === undefined ? parseTagged(name) : reference];
}

export function blobName(digest: Digest): string {
  return `blobs/${digest.split(":")[0]}/${hexOf(digest)}`;
}
