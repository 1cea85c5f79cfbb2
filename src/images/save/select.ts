import type { Digest } from "../../formats/oci/digest.ts";
import type { Platform } from "../../formats/oci/platform.ts";
import { familiarName, familiarReference, parseReference, type Reference } from "../../formats/reference/reference.ts";
import type { Entry, Library } from "../library.ts";
import { variantFor } from "../removal.ts";

/** Names of one thing, with what of it is saved. */
export interface SavedName {
  /** Names asked for: none when the image was named by ID. */
  references: Reference[];
  /** Of several platforms the one that the name resolves to first. Never empty. */
  entries: Entry[];
  /** The index that the names stand for; undefined: an image. */
  index: Digest | undefined;
}

/**
 * A repository without a tag means all its tags; an ID means the image without names. `platforms`: what of an index is wanted; one
 * alone is saved as an image. Throws not-found.
 */
export function selectSaved(library: Library, names: string[], platforms: Platform[] | undefined): SavedName[] {
  const selected = new Map<string, SavedName>();
  const add = (name: string, references: Reference[]) => {
    const variants = library.variants(name);
    const entries =
      platforms === undefined
        ? variants
        : [...new Set(platforms.map((platform) => variantFor(variants, platform, name)))];
    const index = platforms?.length === 1 ? undefined : library.indexOf(name);
    const key = [index ?? "", ...entries.map(({ row }) => row.id)].join(" ");
    const known = selected.get(key) ?? { references: [], entries, index };
    const added = references.filter((one) => !known.references.some((other) => same(one, other)));
    selected.set(key, { ...known, references: [...known.references, ...added] });
  };
  for (const name of names) {
    const tags = repositoryTags(library, name);
    for (const reference of tags) add(familiarReference(reference), [reference]);
    if (tags.length > 0) continue;
    const entry = library.find(name);
    add(
      name,
      library.referencesOf(entry.row.id).filter((reference) => isAsked(reference, name)),
    );
  }
  return [...selected.values()];
}

function repositoryTags(library: Library, name: string): Reference[] {
  const asked = tryParse(name);
  if (asked === undefined || asked.tag !== undefined || asked.digest !== undefined) return [];
  return library
    .entries()
    .flatMap(({ row }) => library.referencesOf(row.id))
    .filter((reference) => reference.digest === undefined && familiarName(reference) === familiarName(asked));
}

function isAsked(reference: Reference, name: string): boolean {
  const asked = tryParse(name);
  return asked !== undefined && reference.tag !== undefined && same(reference, asked);
}

function same(left: Reference, right: Reference): boolean {
  return familiarReference(left) === familiarReference(right);
}

function tryParse(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}
