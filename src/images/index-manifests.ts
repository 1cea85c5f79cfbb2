import type { Digest } from "../formats/oci/digest.ts";
import { isIndexType } from "../formats/oci/media-types.ts";
import { MAX_MANIFEST_BYTES, parseManifestDocument } from "../formats/oci/manifest.ts";
import type { Content } from "../storage/content/content.ts";

/** Indexes within indexes: two exist in practice. */
const MAX_NESTING = 4;
/** Of all nested indexes together. */
const MAX_MANIFESTS = 10_000;

/** An index with every document below it that content has. */
export interface IndexContents {
  /** The index itself and indexes within it. */
  indexes: Digest[];
  /** In the index's order, whether they are here or not. */
  manifests: Digest[];
}

/** What stands in an index; a manifest is an index of none. Throws not-found, or invalid-argument when it is neither. */
export async function readIndex(content: Content, target: Digest): Promise<IndexContents> {
  const found: IndexContents = { indexes: [], manifests: [] };
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
    if (found.manifests.length >= MAX_MANIFESTS) return;
    if (!isIndexType(child.mediaType)) found.manifests.push(child.digest);
    else if (depth < MAX_NESTING && content.has(child.digest) && !found.indexes.includes(child.digest))
      await visit(content, child.digest, { found, depth: depth + 1 });
  }
}
