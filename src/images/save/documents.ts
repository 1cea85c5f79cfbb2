import { digestOf } from "../../formats/oci/digest.ts";
import { encodeIndex, MAX_MANIFEST_BYTES, parseManifestDocument } from "../../formats/oci/manifest.ts";
import { familiarName, familiarReference } from "../../formats/reference/reference.ts";
import type { Content } from "../../storage/content/content.ts";
import type { Entry } from "../library.ts";
import { blobName } from "../load/resolve.ts";
import { nameAnnotations } from "../store.ts";
import type { SavedName } from "./select.ts";

/**
 * What an archive says of itself: an OCI layout's index of all that was saved, and Docker's list of the images that the names
 * resolve to. The same images give the same bytes.
 */
export async function archiveDocuments(content: Content, saved: SavedName[]): Promise<Record<string, Uint8Array>> {
  const descriptors = await Promise.all(saved.map((name) => describe(content, name)));
  const listing = saved.map(({ entries: [entry], references }) => ({
    Config: entry === undefined ? "" : blobName(entry.row.id),
    RepoTags: references.length === 0 ? null : references.map(familiarReference),
    Layers: entry?.row.layers.map(({ digest }) => blobName(digest)) ?? [],
  }));
  return {
    "index.json": encodeIndex(descriptors.flat()),
    "manifest.json": Buffer.from(JSON.stringify(listing)),
    "oci-layout": Buffer.from(JSON.stringify({ imageLayoutVersion: "1.0.0" })),
    repositories: Buffer.from(JSON.stringify(repositories(saved))),
  };
}

/** An entry of the layout's index for each name, or one without. */
async function describe(content: Content, { entries, references, index }: SavedName) {
  const targets = index === undefined ? entries.map(({ row }) => row.manifestDigest) : [index];
  const described = await Promise.all(
    targets.map(async (digest, at) => {
      const bytes = await content.read(digest, MAX_MANIFEST_BYTES);
      const { mediaType } = parseManifestDocument(bytes);
      const platform = index === undefined ? platformOf(entries[at]) : {};
      return { mediaType, digest: digestOf(bytes), sizeBytes: bytes.length, ...platform };
    }),
  );
  const [own, ...others] = described;
  if (own === undefined || references.length === 0) return described;
  const named = references.map((reference) => ({ ...own, annotations: nameAnnotations(reference) }));
  return [...named, ...others];
}

function platformOf(entry: Entry | undefined) {
  if (entry === undefined) return {};
  const { os, architecture, variant } = entry.document.config;
  return { platform: { os, architecture, ...(variant === undefined ? {} : { variant }) } };
}

/** The oldest form, for programs that know nothing else: repository → tag → top layer. */
function repositories(saved: SavedName[]): Record<string, Record<string, string>> {
  const found: Record<string, Record<string, string>> = Object.create(null) as Record<string, Record<string, string>>;
  for (const { entries, references } of saved) {
    const top = entries[0]?.row.layers.at(-1)?.digest.split(":")[1] ?? "";
    for (const reference of references) (found[familiarName(reference)] ??= {})[reference.tag ?? "latest"] = top;
  }
  return found;
}
