import { notFound } from "../base/errors.ts";
import { chainIds } from "../formats/oci/chain-id.ts";
import { type ImageDocument, MAX_CONFIG_BYTES, parseImageConfig } from "../formats/oci/config.ts";
import type { Digest } from "../formats/oci/digest.ts";
import {
  canonicalReference,
  familiarName,
  familiarReference,
  parseReference,
  type Reference,
  withDefaultTag,
} from "../formats/reference/reference.ts";
import type { Content } from "../storage/content/content.ts";
import type { ImageRecords, ImageRow, ReferenceRow } from "../storage/records/images.ts";
import type { Snapshots } from "../storage/snapshots/snapshots.ts";
import type { Image } from "./images.ts";
import { type Attachment, type IndexContents, readIndex } from "./index-manifests.ts";

/** An image with what the store needs besides what callers see. */
export interface Entry {
  row: ImageRow;
  document: ImageDocument;
  /** Sizes of each layer's files, base first. */
  layerBytes: number[];
  view: Image;
}

interface LibraryDeps {
  records: ImageRecords;
  content: Content;
  snapshots: Pick<Snapshots, "layerBytes" | "has">;
  now: () => Date;
}

/** Shortest prefix of an ID that is looked for. */
const MIN_PREFIX = 1;

/**
 * The records of images, all in memory: looking one up costs microseconds, since every container's creation does it. Changes go to
 * the database first.
 */
export class Library {
  readonly #deps: LibraryDeps;
  readonly #entries = new Map<Digest, Entry>();
  /** By canonical reference. */
  readonly #references = new Map<string, { reference: Reference; row: ReferenceRow }>();
  /** Of each target of a reference: what stands in it. */
  readonly #indexes = new Map<Digest, IndexContents>();
  /** Records whose content is gone; what is left of it may mend them. */
  readonly #damaged = new Map<Digest, ImageRow>();

  constructor(deps: LibraryDeps) {
    this.#deps = deps;
  }

  /**
   * Reads the records. `restore` is asked for the layers that are missing; images that stay without them, or whose content is gone,
   * are reported and kept apart.
   */
  async open(
    restore: (row: ImageRow) => Promise<void>,
    onDamaged: (id: Digest, error: unknown) => void,
  ): Promise<void> {
    for (const row of this.#deps.records.references()) {
      this.#references.set(row.reference, { reference: parseReference(row.reference), row });
      if (row.target !== undefined)
        await this.#openTarget(row.target).catch((error: unknown) => onDamaged(row.imageId, error));
    }
    const rows = this.#deps.records.images();
    // All of them from the start: restoring one may have garbage collected, and what the others refer to is none.
    for (const row of rows) this.#damaged.set(row.id, row);
    for (const row of rows) await this.#open(row, restore).catch((error: unknown) => onDamaged(row.id, error));
  }

  async #open(row: ImageRow, restore: (row: ImageRow) => Promise<void>): Promise<void> {
    const chain = chainIds(row.layers.map(({ diffId }) => diffId));
    if (chain.some((chainId) => !this.#deps.snapshots.has(chainId))) await restore(row);
    await this.#load(row);
  }

  entries(): Entry[] {
    return [...this.#entries.values()];
  }

  /** Records that cannot be used: neither found nor listed, but what they refer to is no garbage. */
  damaged(): ImageRow[] {
    return [...this.#damaged.values()];
  }

  get(id: Digest): Entry | undefined {
    return this.#entries.get(id);
  }

  /** Throws not-found `No such image: x`. */
  find(text: string): Entry {
    const entry = this.#entries.get(text as Digest) ?? this.#byName(text) ?? this.#byPrefix(text);
    if (entry === undefined) throw notFound("image", describe(text));
    return entry;
  }

  /** The images that a name stands for: one, or those of its index that are here, the one it resolves to first. Throws not-found. */
  variants(text: string): Entry[] {
    const entry = this.find(text);
    const row = this.#rowOf(text);
    if (row?.imageId !== entry.row.id || row.target === undefined) return [entry];
    const manifests = this.#indexes.get(row.target)?.manifests ?? [];
    const entries = this.entries();
    const others = manifests.flatMap(
      (manifest) => entries.find((one) => one !== entry && one.row.manifestDigest === manifest) ?? [],
    );
    return [entry, ...others];
  }

  /** An index that a name stands for, and those within it that are here. */
  indexesIn(index: Digest): Digest[] {
    return this.#indexes.get(index)?.indexes ?? [];
  }

  /** What of a target is no image's: itself, indexes within, attestations. */
  documentsOf(target: Digest): Digest[] {
    const attachments = this.attachmentsIn(target).flatMap(({ manifest, blobs }) => [manifest, ...blobs]);
    return [target, ...this.indexesIn(target), ...attachments];
  }

  /** Attestations of an index that a name stands for, those that are here. */
  attachmentsIn(index: Digest): Attachment[] {
    return this.#indexes.get(index)?.attachments ?? [];
  }

  /** The index that a name stands for. undefined: it names one image only. */
  indexOf(text: string): Digest | undefined {
    const target = this.#rowOf(text)?.target;
    return target === undefined || (this.#indexes.get(target)?.indexes.length ?? 0) === 0 ? undefined : target;
  }

  /** Images without a name that stay because a name's index has them, of platforms other than the one it resolves to. */
  isVariant({ row }: Entry): boolean {
    return [...this.#references.values()].some(
      ({ row: { imageId, target } }) =>
        imageId !== row.id &&
        target !== undefined &&
        this.#indexes.get(target)?.manifests.includes(row.manifestDigest) === true,
    );
  }

  /** Images that were made of this one and are still here. */
  hasChildren(id: Digest): boolean {
    return this.entries().some(({ row }) => row.parent === id);
  }

  /** The image that a reference names now. */
  holder(reference: Reference): Digest | undefined {
    return this.#references.get(canonicalReference(reference))?.row.imageId;
  }

  referencesOf(id: Digest): Reference[] {
    return [...this.#references.values()].filter(({ row }) => row.imageId === id).map(({ reference }) => reference);
  }

  /** What references name at their registries, with the indexes and attestations within: blobs to be kept. */
  targets(): Digest[] {
    const targets = [...this.#references.values()].flatMap(({ row }) => row.target ?? []);
    return targets.flatMap((target) => this.documentsOf(target));
  }

  /** The names whose target, or an index within it, is this. */
  namesOf(digest: string): string[] {
    const isMeant = (target: Digest | undefined) =>
      target !== undefined &&
      (target === digest || this.#indexes.get(target)?.indexes.some((one) => one === digest) === true);
    return [...this.#references.values()]
      .filter(({ row }) => isMeant(row.target))
      .map(({ reference }) => familiarReference(reference));
  }

  /** What a reference named at its registry. undefined: it was made here. */
  targetOf(reference: Reference): Digest | undefined {
    return this.#references.get(canonicalReference(reference))?.row.target;
  }

  /**
   * Its content and layers must be there, and the target if there is one. An image that is known keeps its manifest, unless it now
   * came with a target: that has to be complete.
   */
  async add(row: ImageRow, references: Reference[], target?: Digest): Promise<Entry> {
    if (target !== undefined) await this.#openTarget(target);
    const rows = references.map((reference) => this.#row(row.id, reference, target));
    const known = this.#entries.get(row.id);
    const kept = known === undefined ? row : target === undefined ? known.row : { ...known.row, ...row };
    // A build from the cache makes what is there already: nothing has to wait for the disk then.
    if (known === undefined || kept !== known.row || rows.some((row) => !this.#isNoted(row)))
      this.#deps.records.put(kept, rows);
    for (const [index, reference] of references.entries()) this.#move(reference, rows[index] as ReferenceRow);
    if (known !== undefined) return this.#refresh({ ...known, row: kept });
    return this.#load(row);
  }

  #isNoted({ reference, imageId, target }: ReferenceRow): boolean {
    const noted = this.#references.get(reference)?.row;
    return noted?.imageId === imageId && noted.target === target;
  }

  /** The same image with another manifest (its layers were compressed); it and its layers must be in content. */
  repackage(row: ImageRow): void {
    const known = this.#entries.get(row.id);
    if (known === undefined) return;
    this.#deps.records.put(row, []);
    this.#refresh({ ...known, row });
  }

  /** The index that a name stands for, if every image in it is here; else pushing it would make a registry promise too much. */
  completeIndex(text: string): Digest | undefined {
    const { target } = this.#rowOf(text) ?? {};
    const index = target === undefined ? undefined : this.#indexes.get(target);
    if (target === undefined || index === undefined || index.manifests.length === 0) return undefined;
    if (index.indexes.length > 1) return undefined;
    const here = new Set(this.variants(text).map(({ row }) => row.manifestDigest));
    return index.manifests.every((manifest) => here.has(manifest)) ? target : undefined;
  }

  /** Takes the reference from the image that has it. */
  tag(id: Digest, reference: Reference, target?: Digest): void {
    const row = this.#row(id, reference, target);
    this.#deps.records.putReference(row);
    this.#move(reference, row);
  }

  untag(reference: Reference): void {
    const key = canonicalReference(reference);
    this.#deps.records.deleteReference(key);
    const id = this.#references.get(key)?.row.imageId;
    this.#references.delete(key);
    this.#forgetIndexes();
    if (id !== undefined) this.#refreshId(id);
  }

  /** With its references. */
  remove(id: Digest): void {
    this.#deps.records.deleteImage(id);
    for (const reference of this.referencesOf(id)) this.#references.delete(canonicalReference(reference));
    this.#entries.delete(id);
    this.#damaged.delete(id);
    this.#forgetIndexes();
  }

  #row(imageId: Digest, reference: Reference, target: Digest | undefined): ReferenceRow {
    const row = { reference: canonicalReference(reference), imageId, taggedAtMs: this.#deps.now().getTime() };
    return target === undefined ? row : { ...row, target };
  }

  #move(reference: Reference, row: ReferenceRow): void {
    const before = this.#references.get(row.reference)?.row.imageId;
    this.#references.set(row.reference, { reference, row });
    this.#forgetIndexes();
    if (before !== undefined) this.#refreshId(before);
    this.#refreshId(row.imageId);
  }

  #refreshId(id: Digest): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#refresh(entry);
  }

  #refresh(entry: Entry): Entry {
    const updated = { ...entry, view: this.#view(entry.row, entry.document, entry.layerBytes) };
    this.#entries.set(entry.row.id, updated);
    return updated;
  }

  async #load(row: ImageRow): Promise<Entry> {
    const document = parseImageConfig(await this.#deps.content.read(row.id, MAX_CONFIG_BYTES));
    const chain = chainIds(document.config.diffIds);
    const layerBytes = chain.map((chainId) => {
      const bytes = this.#deps.snapshots.layerBytes(chainId);
      if (bytes === undefined) throw notFound("layer", chainId);
      return bytes;
    });
    const entry = { row, document, layerBytes, view: this.#view(row, document, layerBytes) };
    this.#entries.set(row.id, entry);
    this.#damaged.delete(row.id);
    return entry;
  }

  /** A target that is not here (a pull keeps the manifest only) or is a manifest stands for itself. */
  async #openTarget(target: Digest): Promise<void> {
    if (this.#indexes.has(target) || !this.#deps.content.has(target)) return;
    this.#indexes.set(target, await readIndex(this.#deps.content, target));
  }

  #forgetIndexes(): void {
    const used = new Set(this.targets());
    for (const target of this.#indexes.keys()) if (!used.has(target)) this.#indexes.delete(target);
  }

  /** The record of a name, written as users do; undefined: it names an image by other means. */
  #rowOf(text: string): ReferenceRow | undefined {
    const reference = tryParse(text);
    if (reference === undefined) return undefined;
    const wanted = withDefaultTag(reference);
    const { tag: _, ...byDigest } = wanted;
    const exact = this.#references.get(canonicalReference(wanted.digest === undefined ? wanted : byDigest));
    return exact?.row ?? this.#byTarget(wanted);
  }

  #view(row: ImageRow, document: ImageDocument, layerBytes: number[]): Image {
    const mine = [...this.#references.values()].filter((item) => item.row.imageId === row.id);
    const names = (wanted: (reference: Reference) => boolean) =>
      mine
        .map(({ reference }) => reference)
        .filter(wanted)
        .map(familiarReference)
        .sort();
    const taggedAtMs = Math.max(0, ...mine.map((item) => item.row.taggedAtMs));
    return {
      id: row.id,
      repoTags: names(({ digest }) => digest === undefined),
      repoDigests: names(({ digest }) => digest !== undefined),
      ...(row.parent === undefined ? {} : { parent: row.parent }),
      ...document,
      sizeBytes: layerBytes.reduce((total, bytes) => total + bytes, 0),
      chainId: chainIds(document.config.diffIds).at(-1),
      ...(taggedAtMs === 0 ? {} : { lastTaggedAt: new Date(taggedAtMs) }),
    };
  }

  #byName(text: string): Entry | undefined {
    const reference = tryParse(text);
    if (reference === undefined) return undefined;
    const id = this.#rowOf(text)?.imageId ?? this.#byManifest(withDefaultTag(reference));
    return id === undefined ? undefined : this.#entries.get(id);
  }

  /** `name@sha256:…` of a name that was pulled with a tag. */
  #byTarget({ digest, ...name }: Reference): ReferenceRow | undefined {
    if (digest === undefined) return undefined;
    return [...this.#references.values()].find(
      ({ reference, row }) => row.target === digest && familiarName(reference) === familiarName(name),
    )?.row;
  }

  /** `name@sha256:…` of an image that was not pulled under that digest, but has a tag of that repository. */
  #byManifest({ digest, ...name }: Reference): Digest | undefined {
    if (digest === undefined) return undefined;
    return this.entries().find(
      ({ row }) =>
        (row.manifestDigest === digest || row.id === digest) &&
        this.referencesOf(row.id).some((reference) => familiarName(reference) === familiarName(name)),
    )?.row.id;
  }

  /** undefined too when several match: then it names none. */
  #byPrefix(text: string): Entry | undefined {
    const hex = text.startsWith("sha256:") ? text.slice("sha256:".length) : text;
    if (hex.length < MIN_PREFIX || !/^[a-f0-9]{1,64}$/.test(hex)) return undefined;
    const found = this.entries().filter(({ row }) => row.id.startsWith(`sha256:${hex}`));
    return found.length === 1 ? found[0] : undefined;
  }
}

function tryParse(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

/** As Docker repeats it: with the tag it looked for. */
function describe(text: string): string {
  const reference = tryParse(text);
  return reference === undefined ? text : familiarReference(withDefaultTag(reference));
}
