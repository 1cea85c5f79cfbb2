import { invalid } from "../../base/errors.ts";
import type { Descriptor } from "../../formats/oci/descriptor.ts";
import { type Digest, digestOf, hexOf } from "../../formats/oci/digest.ts";
import { isObject, parseArrayDocument, stringArray } from "../../formats/oci/json.ts";
import { isRunnable, MAX_LAYERS, parseManifestDocument } from "../../formats/oci/manifest.ts";
import { isIndexType } from "../../formats/oci/media-types.ts";
import type { Platform } from "../../formats/oci/platform.ts";
import { canonicalReference, parseReference, parseTagged, type Reference } from "../../formats/reference/reference.ts";
import { isAttestation } from "../index-manifests.ts";
import { choosePlatform } from "../pull/choose-platform.ts";

/** One image that an archive holds, by names of members. */
export interface ArchivedImage {
  config: string;
  layers: { name: string; descriptor?: Descriptor }[];
  /** The manifest as it stands in an OCI layout; undefined: a Docker archive without one. */
  manifest?: { bytes: Uint8Array; config: Descriptor };
}

/** What names of an archive stand for: an image, or those images of an index that are in the archive. */
export interface ArchivedName {
  references: Reference[];
  images: ArchivedImage[];
  /** The index, as it is, and what is to be kept with it: indexes within, attestations. Its own digest is the first one's. */
  indexes?: { digest: Digest; bytes: Uint8Array }[];
}

export interface Archive {
  /** A member that is small; undefined: there is none. Throws when it is large. */
  read(name: string): Promise<Uint8Array | undefined>;
  has(name: string): boolean;
}

const MAX_NESTING = 4;
/** `manifest.json` of an archive with many images. */
const MAX_LISTING_BYTES = 16 << 20;
const MAX_IMAGES = 1000;
/** Of one attestation: a statement is one, builders make two or three. */
const MAX_ATTESTATION_BLOBS = 32;
/** Of all that an index says about its images. */
const MAX_ATTESTATION_BYTES = 64 << 20;

/**
 * What an archive holds: Docker's `manifest.json` where there is one, with the OCI manifests and indexes of the same images, else
 * `index.json`. `platforms`: of an index only what runs best on each of these; undefined: all that is there.
 */
export async function resolveArchive(archive: Archive, platforms: Platform[] | undefined): Promise<ArchivedName[]> {
  const index = await archive.read("index.json");
  const listing = await archive.read("manifest.json");
  const fromIndex = index === undefined ? [] : await resolveIndex(archive, index, platforms);
  if (listing !== undefined) return mergeListing(resolveListing(listing), fromIndex);
  if (index === undefined) throw invalid("invalid archive: does not contain a manifest.json or index.json");
  return fromIndex;
}

type ListedImage = ArchivedImage & { references: Reference[] };

/** Docker's own list. @see moby image spec v1.2 "Combined Image JSON + Filesystem Changeset Format" */
function resolveListing(bytes: Uint8Array): ListedImage[] {
  const entries = parseArrayDocument(bytes, MAX_LISTING_BYTES, "manifest.json");
  if (entries.length > MAX_IMAGES) throw invalid(`manifest.json: more than ${MAX_IMAGES} images`);
  return entries.map((entry) => {
    if (!isObject(entry) || typeof entry.Config !== "string") throw invalid("manifest.json: entry without Config");
    const layers = stringArray(entry, "Layers", "manifest.json", MAX_LAYERS) ?? [];
    const tags = stringArray(entry, "RepoTags", "manifest.json", MAX_IMAGES) ?? [];
    return { config: entry.Config, layers: layers.map((name) => ({ name })), references: tags.map(parseTagged) };
  });
}

/**
 * The list says which names there are; an image that stands in the OCI index too keeps its manifest, its digests and the index that
 * it is of. What is only in the OCI index comes with its names there.
 */
function mergeListing(listed: ListedImage[], fromIndex: ArchivedName[]): ArchivedName[] {
  const merged: ArchivedName[] = [];
  const taken = new Map<ArchivedName, ArchivedName>();
  const take = (name: ArchivedName, references: Reference[]) => {
    const known = taken.get(name);
    if (known !== undefined) {
      known.references.push(...references);
      return;
    }
    const own = { ...name, references };
    taken.set(name, own);
    merged.push(own);
  };
  for (const { references, ...image } of listed) {
    const candidates = fromIndex.filter((name) => name.images.some((other) => isSame(image, other)));
    const [first] = candidates;
    if (first === undefined) merged.push({ references, images: [image] });
    else if (references.length === 0) take(first, []);
    else
      for (const reference of references)
        take(candidates.find((name) => hasName(name, reference)) ?? first, [reference]);
  }
  return [...merged, ...fromIndex.filter((name) => !taken.has(name))];
}

function isSame(image: ArchivedImage, other: ArchivedImage): boolean {
  return (
    image.config === other.config &&
    image.layers.length === other.layers.length &&
    image.layers.every(({ name }, at) => name === other.layers[at]?.name)
  );
}

function hasName({ references }: ArchivedName, wanted: Reference): boolean {
  return references.some((reference) => canonicalReference(reference) === canonicalReference(wanted));
}

async function resolveIndex(
  archive: Archive,
  bytes: Uint8Array,
  platforms: Platform[] | undefined,
): Promise<ArchivedName[]> {
  const index = parseManifestDocument(bytes, "index.json");
  if (index.kind !== "index") throw invalid("index.json: not an index");
  const names = new Map<Digest, ArchivedName>();
  for (const descriptor of index.manifests) {
    const known = names.get(descriptor.digest) ?? (await resolveName(archive, descriptor, platforms));
    if (known === undefined) continue;
    names.set(descriptor.digest, { ...known, references: [...known.references, ...annotatedName(descriptor)] });
  }
  return [...names.values()];
}

/** undefined: nothing that is wanted, or not an image (an attestation). */
async function resolveName(
  archive: Archive,
  descriptor: Descriptor,
  platforms: Platform[] | undefined,
): Promise<ArchivedName | undefined> {
  const name: ArchivedName & { indexes: { digest: Digest; bytes: Uint8Array }[] } = {
    references: [],
    images: [],
    indexes: [],
  };
  await visit(archive, descriptor, { name, platforms, depth: 0, seen: new Set() });
  const { indexes, ...image } = name;
  if (name.images.length === 0) return undefined;
  return indexes.length === 0 ? image : name;
}

interface Visit {
  name: ArchivedName & { indexes: { digest: Digest; bytes: Uint8Array }[] };
  platforms: Platform[] | undefined;
  depth: number;
  /** What was looked at: an index may name the same one a thousand times. */
  seen: Set<Digest>;
}

async function visit(archive: Archive, descriptor: Descriptor, { name, platforms, depth, seen }: Visit): Promise<void> {
  if (depth > MAX_NESTING) throw invalid("index.json: indexes nested too deeply");
  if (seen.has(descriptor.digest)) return;
  seen.add(descriptor.digest);
  const bytes = await readVerified(archive, descriptor);
  if (bytes === undefined) return;
  const document = parseManifestDocument(bytes, `manifest ${descriptor.digest}`);
  if ((document.kind === "index") !== isIndexType(descriptor.mediaType)) {
    throw invalid(`manifest ${descriptor.digest}: not of media type ${descriptor.mediaType}`);
  }
  if (document.kind === "index") {
    name.indexes.push({ digest: descriptor.digest, bytes });
    for (const child of wantedChildren(document.manifests, platforms))
      await visit(archive, child, { name, platforms, depth: depth + 1, seen });
    await addAttestations(archive, document.manifests.filter(isAttestation), { name, seen });
    return;
  }
  if (!isRunnable(document) || name.images.length >= MAX_IMAGES) return;
  const image = {
    config: blobName(document.config.digest),
    layers: document.layers.map((layer) => ({ name: blobName(layer.digest), descriptor: layer })),
    manifest: { bytes, config: document.config },
  };
  // An index may be sparse: manifests can be there without what they name.
  const isWhole = [image.config, ...image.layers.map((layer) => layer.name)].every((member) => archive.has(member));
  if (depth === 0 || isWhole) name.images.push(image);
}

/** Of images for other systems nothing can be made here. */
function wantedChildren(children: Descriptor[], platforms: Platform[] | undefined): Descriptor[] {
  const possible = children.filter(
    ({ platform }) => platform === undefined || platform.os === "linux" || platform.os === "",
  );
  if (platforms === undefined) return possible;
  const chosen = new Set(platforms.map((platform) => choosePlatform(possible, platform)));
  return possible.filter((child) => chosen.has(child) || isIndexType(child.mediaType));
}

/** Each once, and no more than there is room for: what is left out is only missing when the index is to be pushed. */
async function addAttestations(
  archive: Archive,
  children: Descriptor[],
  { name, seen }: Pick<Visit, "name" | "seen">,
): Promise<void> {
  let room = MAX_ATTESTATION_BYTES;
  for (const child of children) {
    if (seen.has(child.digest)) continue;
    seen.add(child.digest);
    const documents = await readWhole(archive, child, room);
    for (const { bytes } of documents) room -= bytes.length;
    name.indexes.push(...documents);
  }
}

/** An attestation's manifest and blobs; none where something is missing, or there is more than `room` bytes of it. */
async function readWhole(
  archive: Archive,
  descriptor: Descriptor,
  room: number,
): Promise<{ digest: Digest; bytes: Uint8Array }[]> {
  const bytes = await readVerified(archive, descriptor);
  if (bytes === undefined) return [];
  const document = parseManifestDocument(bytes, `manifest ${descriptor.digest}`);
  if (document.kind !== "manifest") return [];
  const documents = [{ digest: descriptor.digest, bytes }];
  const blobs = [document.config, ...document.layers];
  const total = blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, bytes.length);
  if (total > room || blobs.length > MAX_ATTESTATION_BLOBS) return [];
  for (const blob of blobs) {
    const content = await readVerified(archive, blob);
    if (content === undefined) return [];
    documents.push({ digest: blob.digest, bytes: content });
  }
  return documents;
}

/** An archive may leave out the manifests of other platforms. */
async function readVerified(archive: Archive, { digest, sizeBytes }: Descriptor): Promise<Uint8Array | undefined> {
  const bytes = await archive.read(blobName(digest));
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
