import { conflict, EngineError } from "../base/errors.ts";
import { shortId } from "../base/ids.ts";
import { chainIds } from "../formats/oci/chain-id.ts";
import { type Digest, hexOf } from "../formats/oci/digest.ts";
import {
  formatPlatform,
  hostPlatform,
  normalisePlatform,
  type Platform,
  platformMatches,
  platformServes,
} from "../formats/oci/platform.ts";
import { familiarReference, parseReference, type Reference, withDefaultTag } from "../formats/reference/reference.ts";
import type { Content } from "../storage/content/content.ts";
import type { Snapshots } from "../storage/snapshots/snapshots.ts";
import { keysOf } from "./collect.ts";
import type { RemovedImage } from "./images.ts";
import type { Entry, Library } from "./library.ts";
import { blockedBy, planRemoval } from "./remove.ts";
import type { ImageStore } from "./store.ts";

export interface RemovalDeps {
  library: Library;
  store: ImageStore;
  content: Pick<Content, "has" | "stat">;
  snapshots: Pick<Snapshots, "has" | "freedBytes">;
  usedBy: (imageId: string) => { id: string; running: boolean }[];
  publish: (action: "untag" | "delete", entry: Entry, name: string) => void;
  failpoint: (name: string) => void;
}

export interface RemovalOptions {
  force: boolean;
  /** Parents without a name, a user or another child go, too. */
  prune: boolean;
  /** Only these of the platforms that the name's index has here; undefined: all. */
  platforms?: Platform[];
}

/** What goes in one removal, in order, before the layers are known that go with it. */
export class Removal {
  readonly #deps: RemovalDeps;
  readonly #messages: (RemovedImage | { image: Entry })[] = [];
  /** Digests and chainIDs that may go with the images, with the bytes of blobs. */
  readonly #sizes = new Map<string, number>();

  constructor(deps: RemovalDeps) {
    this.#deps = deps;
  }

  untag(entry: Entry, reference: Reference): void {
    this.#deps.library.untag(reference);
    this.#messages.push({ untagged: familiarReference(reference) });
    this.#deps.publish("untag", entry, entry.row.id);
  }

  delete(entry: Entry): void {
    this.#deps.library.remove(entry.row.id);
    this.#deps.failpoint("image.removed");
    this.#messages.push({ image: entry });
    this.#deps.publish("delete", entry, entry.row.id);
    this.measure(keysOf(entry.row));
  }

  /** Keys, digests or chainIDs, that may be garbage once this is finished. */
  measure(keys: Iterable<string>): void {
    for (const key of keys) this.#sizes.set(key, this.#deps.content.stat(key as Digest)?.sizeBytes ?? 0);
  }

  /** Of what is gone by now, files that others have names of left out; call it when all is finished. */
  async reclaimedBytes(): Promise<number> {
    const { content, snapshots } = this.#deps;
    const gone = [...this.#sizes].filter(([key]) => !content.has(key as Digest));
    const layers = [...this.#sizes.keys()].filter((key) => !snapshots.has(key));
    return gone.reduce((total, [, bytes]) => total + bytes, await snapshots.freedBytes(layers));
  }

  /** Nothing refers to it by name, nobody uses it, nothing was made of it. */
  deleteIfUnused(id: Digest): Entry | undefined {
    const { library, usedBy } = this.#deps;
    const entry = library.get(id);
    if (entry === undefined || library.isVariant(entry)) return undefined;
    const [references, users, hasChildren] = [library.referencesOf(id), usedBy(id), library.hasChildren(id)];
    if (references.length > 0 || blockedBy({ users, references, hasChildren, force: false }) !== undefined)
      return undefined;
    this.delete(entry);
    return entry;
  }

  deleteUnusedParents({ row }: Entry): void {
    for (let id = row.parent; id !== undefined; ) id = this.deleteIfUnused(id)?.row.parent;
  }

  /** Frees the space. Each image is followed by the layers that went with it, top first. */
  async finish(): Promise<RemovedImage[]> {
    await this.#deps.store.collect();
    await this.#deps.store.writeIndex();
    const listed = new Set<Digest>();
    // A layer that several of them had went with the last.
    const blocks = this.#messages.toReversed().map((message): RemovedImage[] => {
      if (!("image" in message)) return [message];
      const chain = chainIds(message.image.document.config.diffIds).toReversed();
      const gone = chain.filter((chainId) => !listed.has(chainId) && !this.#deps.snapshots.has(chainId));
      for (const chainId of gone) listed.add(chainId);
      return [message.image.row.id, ...gone].map((deleted) => ({ deleted }));
    });
    return blocks.toReversed().flat();
  }
}

/** Docker's `rmi`: names first, then the image, its unnamed parents, and what only the names' index had kept. */
export async function removeImage(deps: RemovalDeps, text: string, options: RemovalOptions): Promise<RemovedImage[]> {
  if (options.platforms !== undefined) return removePlatforms(deps, text, { ...options, platforms: options.platforms });
  const { library, usedBy } = deps;
  const entry = library.find(text);
  const { id } = entry.row;
  const references = library.referencesOf(id);
  const asked = askedReference(text, id, references);
  const hasChildren = library.hasChildren(id);
  const plan = planRemoval({ ...options, id, asked, askedText: text, references, users: usedBy(id), hasChildren });
  const variants = plan.untag.flatMap((reference) => library.variants(familiarReference(reference)));
  const removal = new Removal(deps);
  for (const reference of plan.untag) removal.untag(entry, reference);
  if (plan.deleteImage) {
    removal.delete(entry);
    if (options.prune) removal.deleteUnusedParents(entry);
  }
  for (const variant of variants) if (variant.row.id !== id) removal.deleteIfUnused(variant.row.id);
  return removal.finish();
}

/** All are checked before the first one goes. A name whose own image goes stands for another of its index, if there is one. */
async function removePlatforms(
  deps: RemovalDeps,
  text: string,
  { platforms, force, prune }: RemovalOptions & { platforms: Platform[] },
): Promise<RemovedImage[]> {
  const { library, usedBy } = deps;
  const variants = library.variants(text);
  const doomed = [...new Set(platforms.map((platform) => variantFor(variants, platform, text)))];
  for (const { row } of doomed) {
    const reason = blockedBy({
      users: usedBy(row.id),
      references: [],
      hasChildren: library.hasChildren(row.id),
      force,
    });
    if (reason !== undefined) throw conflict(`conflict: unable to delete ${shortId(hexOf(row.id))} ${reason}`);
  }
  const removal = new Removal(deps);
  for (const entry of doomed) {
    for (const reference of library.referencesOf(entry.row.id)) {
      const left = library
        .variants(familiarReference(reference))
        .filter((one) => !doomed.some((gone) => same(gone, one)));
      const heir = left.find(({ document }) => platformServes(hostPlatform(), document.config)) ?? left[0];
      if (heir === undefined) removal.untag(entry, reference);
      else library.tag(heir.row.id, reference, library.targetOf(reference));
    }
    removal.delete(entry);
    if (prune) removal.deleteUnusedParents(entry);
  }
  return removal.finish();
}

/** The image of exactly this platform, or of one that does not say its variant. Throws not-found in Docker's words. */
export function variantFor(variants: Entry[], platform: Platform, text: string): Entry {
  const isUntold = ({ variant, architecture }: Platform) =>
    variant === undefined && architecture === normalisePlatform(platform).architecture;
  const found =
    variants.find(({ document }) => platformMatches(platform, document.config)) ??
    variants.find(({ document }) => isUntold(document.config) && platformServes(platform, document.config));
  if (found !== undefined) return found;
  const wanted = formatPlatform(platform);
  const [only] = variants;
  throw new EngineError(
    "not-found",
    variants.length === 1 && only !== undefined
      ? `image with reference ${text} was found but its platform (${formatPlatform(only.document.config)}) ` +
          `does not match the specified platform (${wanted})`
      : `image with reference ${text} was found but does not provide the specified platform (${wanted})`,
  );
}

function same(left: Entry, right: Entry): boolean {
  return left.row.id === right.row.id;
}

/** undefined when the image was named by its ID or the beginning of it. */
function askedReference(text: string, id: Digest, references: Reference[]): Reference | undefined {
  if (id.startsWith(text) || (/^[a-f0-9]+$/.test(text) && hexOf(id).startsWith(text) && !isName(text, references))) {
    return undefined;
  }
  const wanted = familiarReference(wantedReference(text));
  const found = references.find((reference) => familiarReference(reference) === wanted);
  if (found === undefined) throw conflict(`conflict: ${text} is not a name of image ${shortId(hexOf(id))}`);
  return found;
}

/** A digest says more than a tag beside it. */
function wantedReference(text: string): Reference {
  const { tag, ...name } = withDefaultTag(parseReference(text));
  return name.digest === undefined && tag !== undefined ? { ...name, tag } : name;
}

function isName(text: string, references: Reference[]): boolean {
  const wanted = familiarReference(wantedReference(text));
  return references.some((reference) => familiarReference(reference) === wanted);
}
