import { isKind, messageOf } from "../../../base/errors.ts";
import type { Descriptor } from "../../../formats/oci/descriptor.ts";
import { type Digest, parseDigest } from "../../../formats/oci/digest.ts";
import { type ManifestDocument, parseManifestDocument } from "../../../formats/oci/manifest.ts";
import { isIndexType, isManifestType } from "../../../formats/oci/media-types.ts";
import { DistributionError } from "../http/error-codes.ts";
import { namesIn, writeTemporary } from "./files.ts";
import { ALGORITHMS, type Layout, TRASH_SUFFIX } from "./layout.ts";
import type { Links, Place } from "./links.ts";
import type { Referrers } from "./referrers.ts";

/** Bytes of documents kept in memory. Digests never change meaning; that a repository still has one is asked each time. */
const MAX_CACHED_BYTES = 32 << 20;
const MAX_CACHED_DOCUMENT_BYTES = 1 << 20;

export interface StoredManifest {
  digest: Digest;
  bytes: Uint8Array;
  /** What it was pushed as. It need not be stored: a push must agree with the document. */
  mediaType: string;
}

export interface Manifests {
  /** undefined: the repository has it not. */
  get(repository: string, digest: Digest): StoredManifest | undefined;
  has(repository: string, digest: Digest): boolean;
  /** The same for one who will rely on it: the collector leaves it then. */
  use(repository: string, digest: Digest): Promise<boolean>;
  /** Stores bytes that were checked. Announces them to the referrers of their subject. */
  put(repository: string, manifest: StoredManifest, document: ManifestDocument): Promise<void>;
  /** False: it was not there. */
  remove(repository: string, digest: Digest): Promise<boolean>;
  list(repository: string): Digest[];
}

export function createManifests(deps: { layout: Layout; links: Links; referrers: Referrers }): Manifests {
  const { layout, links, referrers } = deps;
  const cache = createDocumentCache();
  const place = (repository: string): Place => ({ repository, kind: "_manifests" });
  const get: Manifests["get"] = (repository, digest) => {
    const cached = cache.get(digest);
    if (cached !== undefined) return links.stat(place(repository), digest) === undefined ? undefined : cached;
    const bytes = links.read(place(repository), digest);
    if (bytes === undefined) return undefined;
    const manifest = { digest, bytes, mediaType: parseManifestDocument(bytes).mediaType };
    cache.add(manifest);
    return manifest;
  };
  return {
    get,
    has: (repository, digest) => links.stat(place(repository), digest) !== undefined,
    use: async (repository, digest) => (await links.use(place(repository), digest)) !== undefined,
    async put(repository, manifest, document) {
      const staged = await writeTemporary(layout.temporary, manifest.bytes, 0o444);
      // Before the manifest: an announcement without its manifest is skipped by readers, the other way round it would be missing.
      if (document.subject !== undefined) await referrers.add(repository, manifest, document);
      await links.publish(staged, place(repository), manifest.digest);
    },
    async remove(repository, digest) {
      const manifest = get(repository, digest);
      if (manifest === undefined) return false;
      const { subject } = parseManifestDocument(manifest.bytes);
      const removed = await links.remove(place(repository), digest);
      if (subject !== undefined) await referrers.remove(repository, subject.digest, digest);
      return removed;
    },
    list: (repository) => linkedDigests(layout, place(repository)),
  };
}

/** What a repository has of one kind; what the collector has put aside counts not. */
export function linkedDigests(layout: Layout, { repository, kind }: Place): Digest[] {
  return ALGORITHMS.flatMap((algorithm) =>
    namesIn(layout.links(repository, kind, algorithm))
      .filter((name) => !name.endsWith(TRASH_SUFFIX))
      .map((hex) => parseDigest(`${algorithm}:${hex}`)),
  );
}

/** Reads a pushed document. Throws MANIFEST_INVALID where it is none, is two things at once, or is not what its Content-Type says. */
export function readPushedManifest(bytes: Uint8Array, contentType: string | null): ManifestDocument {
  const document = parsePushed(bytes);
  const said = contentType?.split(";")[0]?.trim() ?? "";
  // Most tools say what they push; without a word the document speaks for itself.
  const agrees = said === "" || said === "application/json" || said === document.mediaType;
  if (agrees) return document;
  const known = isManifestType(said) || isIndexType(said);
  throw new DistributionError("MANIFEST_INVALID", {
    message: known
      ? `manifest invalid: Content-Type is ${said}, the document is ${document.mediaType}`
      : `manifest invalid: unknown media type ${said.slice(0, 200)}`,
  });
}

function parsePushed(bytes: Uint8Array): ManifestDocument {
  try {
    return parseManifestDocument(bytes);
  } catch (error) {
    if (!isKind(error, "invalid-argument")) throw error;
    throw new DistributionError("MANIFEST_INVALID", { message: `manifest invalid: ${messageOf(error)}`, cause: error });
  }
}

/** Everything that a manifest cannot do without, itself and its subject left out. Layers kept elsewhere on purpose count not. */
export function referencesOf(document: ManifestDocument): Descriptor[] {
  if (document.kind === "index") return document.manifests;
  return [document.config, ...document.layers.filter(({ mediaType }) => !/foreign|nondistributable/.test(mediaType))];
}

/** An index may also name what is no manifest; only those that are have to be found among the manifests. */
export function isManifestReference(document: ManifestDocument, { mediaType }: Descriptor): boolean {
  return document.kind === "index" && (isManifestType(mediaType) || isIndexType(mediaType));
}

function createDocumentCache() {
  const kept = new Map<Digest, StoredManifest>();
  let bytes = 0;
  return {
    get(digest: Digest): StoredManifest | undefined {
      const found = kept.get(digest);
      if (found === undefined) return undefined;
      kept.delete(digest);
      kept.set(digest, found);
      return found;
    },
    add(manifest: StoredManifest): void {
      if (manifest.bytes.length > MAX_CACHED_DOCUMENT_BYTES) return;
      kept.set(manifest.digest, manifest);
      bytes += manifest.bytes.length;
      for (const [digest, oldest] of kept) {
        if (bytes <= MAX_CACHED_BYTES) break;
        kept.delete(digest);
        bytes -= oldest.bytes.length;
      }
    },
  };
}
