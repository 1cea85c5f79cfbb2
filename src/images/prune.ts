import { invalid } from "../base/errors.ts";
import { familiarReference } from "../formats/reference/reference.ts";
import type { Content } from "../storage/content/content.ts";
import { hasLabel, parseDangling, parseMoment } from "./filters.ts";
import type { RemovedImage } from "./images.ts";
import type { Entry } from "./library.ts";
import type { UnfinishedPulls } from "./pull/unfinished-pulls.ts";
import { Removal, type RemovalDeps } from "./removal.ts";

export interface PruneDeps extends RemovalDeps {
  content: Pick<Content, "has" | "stat" | "partials">;
  unfinished: Pick<UnfinishedPulls, "keys" | "forget"> | undefined;
  now: Date;
}

export interface Pruned {
  removed: RemovedImage[];
  /** Of layers, blobs and downloads that broke off. */
  reclaimedBytes: number;
}

const FILTERS = new Set(["dangling", "label", "label!", "until"]);
/** A download that nobody went on with for so long is given up. */
const PARTIAL_AGE_MS = 24 * 3_600_000;

/**
 * Removes images that no container stands on: those without a tag, or with `dangling=false` all of them. Other filters are Docker's:
 * label label! until. Throws invalid-argument for others.
 */
export async function pruneImages(deps: PruneDeps, filters: Record<string, string[]>): Promise<Pruned> {
  const { library, usedBy } = deps;
  const isWanted = pruneTest(filters, deps.now);
  const isUsed = ({ row }: Entry) => usedBy(row.id).length > 0;
  const removal = new Removal(deps);
  const candidates = newestFirst(library.entries().filter(isWanted));
  // A parent may go once its children have gone, in whatever order they come.
  for (let left = Number.POSITIVE_INFINITY; left > library.entries().length; ) {
    left = library.entries().length;
    for (const entry of candidates) {
      const { id } = entry.row;
      if (library.get(id) === undefined || library.isVariant(entry) || library.hasChildren(id)) continue;
      const references = library.referencesOf(id);
      const variants = references.flatMap((reference) => library.variants(familiarReference(reference)));
      if ([entry, ...variants].some(isUsed)) continue;
      for (const reference of references) removal.untag(entry, reference);
      removal.delete(entry);
      removal.deleteUnusedParents(entry);
      for (const variant of variants) if (variant.row.id !== id) removal.deleteIfUnused(variant.row.id);
    }
  }
  removal.measure(deps.unfinished?.keys() ?? []);
  deps.unfinished?.forget();
  const removed = await removal.finish();
  return { removed, reclaimedBytes: (await removal.reclaimedBytes()) + prunePartials(deps) };
}

function newestFirst(entries: Entry[]): Entry[] {
  const created = ({ document }: Entry) => document.config.createdAt?.getTime() ?? 0;
  return entries.toSorted((left, right) => created(right) - created(left) || left.row.id.localeCompare(right.row.id));
}

function pruneTest(filters: Record<string, string[]>, now: Date): (entry: Entry) => boolean {
  const unknown = Object.keys(filters).find((name) => !FILTERS.has(name));
  if (unknown !== undefined) throw invalid(`invalid filter '${unknown}'`);
  const [until, another] = filters.until ?? [];
  if (another !== undefined) throw invalid("more than one until filter specified");
  const limit = until === undefined ? undefined : parseMoment(until, now);
  const danglingOnly = (filters.dangling ?? ["true"]).map(parseDangling).every(Boolean);
  return ({ view }) =>
    !(danglingOnly && view.repoTags.length > 0) &&
    !(limit !== undefined && (view.config.createdAt?.getTime() ?? 0) > limit.getTime()) &&
    (filters.label ?? []).every((label) => hasLabel(view, label)) &&
    !(filters["label!"] ?? []).some((label) => hasLabel(view, label));
}

function prunePartials({ content: { partials }, now }: PruneDeps): number {
  let reclaimedBytes = 0;
  for (const { digest, sizeBytes, modifiedAt } of partials.list()) {
    if (now.getTime() - modifiedAt.getTime() < PARTIAL_AGE_MS) continue;
    partials.remove(digest);
    reclaimedBytes += sizeBytes;
  }
  return reclaimedBytes;
}
