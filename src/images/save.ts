import { open } from "node:fs/promises";
import { EngineError } from "../base/errors.ts";
import { type Digest, digestOf } from "../formats/oci/digest.ts";
import { encodeIndex, MAX_MANIFEST_BYTES, parseManifestDocument } from "../formats/oci/manifest.ts";
import { formatPlatform, type Platform, platformServes } from "../formats/oci/platform.ts";
import { familiarName, familiarReference, parseReference, type Reference } from "../formats/reference/reference.ts";
import { encodeEnd, encodeEntry, encodePadding, packFile } from "../formats/tar/packer.ts";
import type { Blob, Content } from "../storage/content/content.ts";
import type { Entry, Library } from "./library.ts";
import { blobName } from "./load/resolve.ts";
import { type ImageStore, nameAnnotations } from "./store.ts";

export interface SaveDeps {
  content: Content;
  library: Library;
  store: ImageStore;
}

/** Bytes read from a blob at once. */
const CHUNK_BYTES = 1 << 20;
/** Fixed, so that saving the same images twice gives the same archive. */
const EPOCH = { seconds: 0n, nanoseconds: 0 };

interface Selected {
  entry: Entry;
  /** Names asked for: none when the image was named by ID. */
  references: Reference[];
}

/** A Docker archive that is an OCI layout too, as Docker 25 and later write. Blobs are held until the stream ends. */
export async function saveArchive(
  deps: SaveDeps,
  names: string[],
  { platform, signal }: { platform: Platform | undefined; signal: AbortSignal },
): Promise<AsyncIterable<Uint8Array>> {
  const selected = select(deps.library, names, platform);
  const blobs = selected.flatMap(({ entry }) => blobsOf(deps.content, entry));
  const documents = await describe(deps.content, selected);
  return stream(deps, uniqueBlobs(blobs), { documents, signal });
}

async function* stream(
  { store }: SaveDeps,
  blobs: Blob[],
  { documents, signal }: { documents: Record<string, Uint8Array>; signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  const release = store.leases.hold(blobs.map(({ digest }) => digest));
  try {
    for (const name of ["blobs/", "blobs/sha256/"]) {
      yield encodeEntry({ type: "directory", name, mode: 0o755, sizeBytes: 0, modifiedAt: EPOCH });
    }
    for (const blob of blobs) {
      yield encodeEntry({
        type: "file",
        name: blobName(blob.digest),
        mode: 0o644,
        sizeBytes: blob.sizeBytes,
        modifiedAt: EPOCH,
      });
      yield* readBlob(blob, signal);
      yield encodePadding(blob.sizeBytes);
    }
    for (const [name, bytes] of Object.entries(documents))
      yield packFile({ name, mode: 0o644, modifiedAt: EPOCH }, bytes);
    yield encodeEnd();
  } finally {
    release();
  }
}

async function* readBlob({ path, sizeBytes }: Blob, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const file = await open(path, "r");
  try {
    for (let offset = 0; offset < sizeBytes; ) {
      signal.throwIfAborted();
      const buffer = new Uint8Array(Math.min(CHUNK_BYTES, sizeBytes - offset));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
      if (bytesRead === 0) throw new Error(`${path} is shorter than it was`);
      offset += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** A repository without a tag means all its tags; an ID means the image without names. */
function select(library: Library, names: string[], platform: Platform | undefined): Selected[] {
  const selected = new Map<Digest, Selected>();
  const checked = (name: string, entry: Entry) => {
    const { config } = entry.document;
    if (platform === undefined || platformServes(platform, config)) return entry;
    throw new EngineError(
      "not-found",
      `image with reference ${name} was found but its platform (${formatPlatform(config)}) ` +
        `does not match the specified platform (${formatPlatform(platform)})`,
    );
  };
  const add = (entry: Entry, references: Reference[]) => {
    const known = selected.get(entry.row.id) ?? { entry, references: [] };
    const added = references.filter(
      (one) => !known.references.some((other) => familiarReference(one) === familiarReference(other)),
    );
    selected.set(entry.row.id, { entry, references: [...known.references, ...added] });
  };
  for (const name of names) {
    const tags = repositoryTags(library, name);
    if (tags.length > 0) for (const { entry, reference } of tags) add(checked(name, entry), [reference]);
    else {
      const entry = checked(name, library.find(name));
      add(
        entry,
        library.referencesOf(entry.row.id).filter((reference) => isAsked(reference, name)),
      );
    }
  }
  return [...selected.values()];
}

function repositoryTags(library: Library, name: string): { entry: Entry; reference: Reference }[] {
  const asked = tryParse(name);
  if (asked === undefined || asked.tag !== undefined || asked.digest !== undefined) return [];
  return library.entries().flatMap((entry) =>
    library
      .referencesOf(entry.row.id)
      .filter((reference) => reference.digest === undefined && familiarName(reference) === familiarName(asked))
      .map((reference) => ({ entry, reference })),
  );
}

function isAsked(reference: Reference, name: string): boolean {
  const asked = tryParse(name);
  return (
    asked !== undefined && familiarReference(reference) === familiarReference(asked) && reference.tag !== undefined
  );
}

function tryParse(name: string): Reference | undefined {
  try {
    return parseReference(name);
  } catch {
    return undefined;
  }
}

function blobsOf(content: Content, { row }: Entry): Blob[] {
  const digests = [...row.layers.map(({ digest }) => digest), row.id, row.manifestDigest];
  return digests.map((digest) => {
    const blob = content.stat(digest);
    if (blob === undefined) throw new Error(`content ${digest} is missing`);
    return blob;
  });
}

function uniqueBlobs(blobs: Blob[]): Blob[] {
  return [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
}

async function describe(content: Content, selected: Selected[]): Promise<Record<string, Uint8Array>> {
  const manifests = await Promise.all(
    selected.map(async ({ entry, references }) => {
      const bytes = await content.read(entry.row.manifestDigest, MAX_MANIFEST_BYTES);
      const { mediaType } = parseManifestDocument(bytes);
      const { os, architecture, variant } = entry.document.config;
      const platform = { os, architecture, ...(variant === undefined ? {} : { variant }) };
      const descriptor = { mediaType, digest: digestOf(bytes), sizeBytes: bytes.length, platform };
      return references.length === 0
        ? [descriptor]
        : references.map((reference) => ({ ...descriptor, annotations: nameAnnotations(reference) }));
    }),
  );
  const listing = selected.map(({ entry, references }) => ({
    Config: blobName(entry.row.id),
    RepoTags: references.length === 0 ? null : references.map(familiarReference),
    Layers: entry.row.layers.map(({ digest }) => blobName(digest)),
  }));
  return {
    "index.json": encodeIndex(manifests.flat()),
    "manifest.json": Buffer.from(JSON.stringify(listing)),
    "oci-layout": Buffer.from(JSON.stringify({ imageLayoutVersion: "1.0.0" })),
    repositories: Buffer.from(JSON.stringify(repositories(selected))),
  };
}

/** The oldest form, for programs that know nothing else: repository → tag → top layer. */
function repositories(selected: Selected[]): Record<string, Record<string, string>> {
  const found: Record<string, Record<string, string>> = Object.create(null) as Record<string, Record<string, string>>;
  for (const { entry, references } of selected) {
    const top = entry.row.layers.at(-1)?.digest.split(":")[1] ?? "";
    for (const reference of references) (found[familiarName(reference)] ??= {})[reference.tag ?? "latest"] = top;
  }
  return found;
}
