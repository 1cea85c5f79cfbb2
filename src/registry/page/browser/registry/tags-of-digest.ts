import { inReadingOrder } from "../model/tag-order.ts";
import type { Page, Registry } from "./registry.ts";

/** Tags looked at to find the names of one image. */
const TAGS_LOOKED_AT = 200;

export interface Names {
  tags: string[];
  /** Whether every tag of the repository was looked at. */
  complete: boolean;
}

/** The tags that name this manifest: what goes with it when it is deleted. */
export async function tagsOfDigest(registry: Registry, name: string, digest: string): Promise<Names> {
  const all = await firstTags(registry, name);
  const looked = all.tags.slice(0, TAGS_LOOKED_AT);
  const digests = await Promise.all(
    looked.map((tag) =>
      registry
        .manifest(name, tag)
        .then((stored) => stored.digest)
        .catch(() => undefined),
    ),
  );
  const complete = all.complete && looked.length === all.tags.length && !digests.includes(undefined);
  return { tags: inReadingOrder(looked.filter((_, index) => digests[index] === digest)), complete };
}

async function firstTags(registry: Registry, name: string): Promise<Names> {
  const tags: string[] = [];
  let next: string | undefined;
  do {
    const page: Page = await registry.tags(name, next);
    tags.push(...page.items);
    next = page.next;
  } while (next !== undefined && tags.length < TAGS_LOOKED_AT);
  return { tags, complete: next === undefined };
}
