import type { Descriptor } from "../formats/oci/descriptor.ts";
import type { Digest } from "../formats/oci/digest.ts";
import { MAX_MANIFEST_BYTES, parseManifestDocument } from "../formats/oci/manifest.ts";
import { isIndexType } from "../formats/oci/media-types.ts";
import type { Content } from "../storage/content/content.ts";

/** Indexes within indexes: two exist in practice. */
const MAX_NESTING = 4;
/** Of all nested indexes together. */
const MAX_MANIFESTS = 10_000;

/** An index with every document below it that content has. */
export interface IndexContents {
  /** The index itself and indexes within it. */
  indexes: Digest[];
  /** In the index's order, whether they are here or not. Without `attachments`. */
  manifests: Digest[];
  /** What is said about images of the index, as far as it is here whole. One that is not is among `manifests`. */
  attachments: Attachment[];
}

/** A manifest that is no image: provenance or a list of packages. @see BuildKit docs/attestations/attestation-storage.md */
export interface Attachment {
  manifest: Digest;
  /** Its config and what it consists of. */
  blobs: Digest[];
}

const REFERENCE_TYPE = "vnd.docker.reference.type";

/** Whether the entry of an index says of itself that it is an attestation. */
export function isAttestation({ annotations }: Pick<Descriptor, "annotations">): boolean {
  return annotations[REFERENCE_TYPE] === "attestation-manifest";
}

/** What stands in an index; a manifest is an index of none. Throws not-found, or invalid-argument when it is neither. */
export async function readIndex(content: Content, target: Digest): Promise<IndexContents> {
  const found: IndexContents = { indexes: [], manifests: [], attachments: [] };
  await visit(content, target, { found, depth: 0 });
  return found;
}

async function visit(
  content: Content,
  digest: Digest,
  { found, depth }: { found: IndexContents; depth: number },
): Promise<void> {
  const document = parseManifestDocument(await content.read(digest, MAX_MANIFEST_BYTES), `index ${digest}`);
  if (document.kind !== "index") return;
  found.indexes.push(digest);
  for (const child of document.manifests) {
    if (found.manifests.length + found.attachments.length >= MAX_MANIFESTS) return;
    if (found.attachments.some(({ manifest }) => manifest === child.digest)) continue;
    const attachment = isAttestation(child) ? await readAttachment(content, child.digest) : undefined;
    if (attachment !== undefined) found.attachments.push(attachment);
    else if (!isIndexType(child.mediaType)) found.manifests.push(child.digest);
    else if (depth < MAX_NESTING && content.has(child.digest) && !found.indexes.includes(child.digest))
      await visit(content, child.digest, { found, depth: depth + 1 });
  }
}

/** undefined: not all of it is here, or it is something else. */
async function readAttachment(content: Content, manifest: Digest): Promise<Attachment | undefined> {
  if (!content.has(manifest)) return undefined;
  const document = parseManifestDocument(await content.read(manifest, MAX_MANIFEST_BYTES), `manifest ${manifest}`);
  if (document.kind !== "manifest") return undefined;
  const blobs = [document.config, ...document.layers].map(({ digest }) => digest);
  return blobs.every((digest) => content.has(digest)) ? { manifest, blobs } : undefined;
}
