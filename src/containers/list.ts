import type { Image } from "../images/images.ts";
import type { Container, ListFilters } from "./containers.ts";
import type { Core } from "./core.ts";
import type { Entry } from "./entry.ts";
import { descendantsOf, impliesAll, matchesFilters, type Resolved, validateListFilters } from "./list-filters.ts";
import { isRunning } from "./state.ts";
import { sizesOf, viewOf } from "./view.ts";

export interface ListOptions {
  all: boolean;
  /** 0: no limit; otherwise the last created ones, whatever they do. */
  limit: number;
  size: boolean;
  filters: ListFilters;
}

/** Newest first. From memory alone, unless sizes or ancestors are asked for. */
export async function listContainers(core: Core, options: ListOptions): Promise<Container[]> {
  const { filters, limit, size } = options;
  validateListFilters(filters);
  const all = options.all || limit > 0 || impliesAll(filters);
  const resolved = await resolveFilters(core, filters);
  const found: Entry[] = [];
  for (const entry of core.index.all()) {
    if (!all && !isRunning(entry.run.state)) continue;
    if (matchesFilters(entry, filters, resolved)) found.push(entry);
  }
  found.sort((a, b) => b.definition.createdAt.getTime() - a.definition.createdAt.getTime());
  const shown = limit > 0 ? found.slice(0, limit) : found;
  const views = shown.map((entry) => viewOf(entry, core.deps));
  if (!size) return views;
  return Promise.all(
    views.map(async (view, index) => ({ ...view, sizes: await sizesOf(shown[index] as Entry, core.deps) })),
  );
}

async function resolveFilters(core: Core, filters: ListFilters): Promise<Resolved> {
  const time = (reference: string | undefined) =>
    reference === undefined ? undefined : core.index.find(reference).definition.createdAt;
  const references = filters.ancestor ?? [];
  return {
    ancestors: references.length === 0 ? new Set() : await ancestorIds(core, references),
    before: time(filters.before?.at(-1)),
    since: time(filters.since?.at(-1)),
  };
}

/** An ancestor that does not exist has no containers. */
async function ancestorIds({ deps, index }: Core, references: string[]): Promise<Set<string>> {
  const get = (reference: string): Promise<Image | undefined> => deps.images.get(reference).catch(() => undefined);
  const used = new Set([...index.all()].map((entry) => entry.definition.imageId));
  const users = (await Promise.all([...used].map(get))).filter((image) => image !== undefined);
  const ids = new Set<string>();
  for (const reference of references) {
    const ancestor = await get(reference);
    if (ancestor === undefined) continue;
    for (const id of descendantsOf(ancestor, users)) ids.add(id);
  }
  return ids;
}
