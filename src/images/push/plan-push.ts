import { EngineError } from "../../base/errors.ts";
import type { Digest } from "../../formats/oci/digest.ts";
import { formatPlatform, type Platform, platformServes } from "../../formats/oci/platform.ts";
import { familiarName, familiarReference, type Reference } from "../../formats/reference/reference.ts";
import type { Attachment } from "../index-manifests.ts";
import type { Entry, Library } from "../library.ts";

/** One tag on its way out. */
export interface PushPlan {
  reference: Reference;
  /** Images to bring over; one, unless the whole index goes. Never empty. */
  entries: Entry[];
  /** The index that the tag names; undefined: it names the image's manifest. */
  index: Digest | undefined;
  /** What the index has besides images. */
  attachments: Attachment[];
  /** Manifests go out as they are; else layers that lie uncompressed are compressed, and the image gets another manifest. */
  isFinal: boolean;
  /** Paths of repositories of the same registry that blobs may be mounted from, those of `sourcesOf` together. */
  sources: string[];
  sourcesOf(digest: Digest): string[];
}

/** Repositories that are asked for one blob. */
const MAX_SOURCES = 3;

/** The tags that a name stands for: its own, or all that are here. Throws not-found in Docker's words. Pure. */
export function tagsToPush(library: Library, name: Reference): Reference[] {
  const tags = library
    .entries()
    .flatMap(({ row }) => library.referencesOf(row.id))
    .filter((reference) => reference.tag !== undefined && familiarName(reference) === familiarName(name));
  if (tags.length === 0) {
    throw new EngineError("not-found", `An image does not exist locally with the tag: ${familiarName(name)}`);
  }
  const wanted = tags.filter(({ tag }) => name.tag === undefined || tag === name.tag);
  if (wanted.length === 0) throw new EngineError("not-found", `tag does not exist: ${familiarReference(name)}`);
  return wanted;
}

/** What is to be pushed for one tag. Throws not-found where it is not there for the platform. Pure. */
export function planTag(library: Library, reference: Reference, platform: Platform | undefined): PushPlan {
  const text = familiarReference(reference);
  const variants = library.variants(text);
  const index = platform === undefined ? library.completeIndex(text) : undefined;
  const entries = index === undefined ? [chooseVariant(variants, text, platform)] : variants;
  const attachments = index === undefined ? [] : library.attachmentsIn(index);
  return planImage(library, reference, { entries, index, attachments, isFinal: index !== undefined });
}

/** The same for an image, or all of an index, whatever its name here. Pure. */
export function planImage(
  library: Library,
  reference: Reference,
  image: Pick<PushPlan, "entries" | "index" | "attachments" | "isFinal">,
): PushPlan {
  const sourcesOf = (digest: Digest) => sourceRepositories(library, reference, digest);
  const layers = image.entries.flatMap(({ row }) => row.layers.map(({ digest }) => digest));
  return { reference, ...image, sources: [...new Set(layers.flatMap(sourcesOf))], sourcesOf };
}

function chooseVariant(variants: Entry[], text: string, platform: Platform | undefined): Entry {
  const found =
    platform === undefined ? variants[0] : variants.find(({ document }) => platformServes(platform, document.config));
  if (found !== undefined) return found;
  const wanted = platform === undefined ? "" : formatPlatform(platform);
  throw new EngineError(
    "not-found",
    `image with reference ${text} does not provide the specified platform (${wanted})`,
  );
}

/** Where the blob came from or went to before: names by digest stand for what a registry really has. */
function sourceRepositories(library: Library, { domain, path }: Reference, digest: Digest): string[] {
  const paths = library
    .entries()
    .filter(({ row }) => row.layers.some((layer) => layer.digest === digest))
    .flatMap(({ row }) => library.referencesOf(row.id))
    .filter((reference) => reference.digest !== undefined && reference.domain === domain && reference.path !== path)
    .map((reference) => reference.path);
  return [...new Set(paths)].slice(0, MAX_SOURCES);
}
