import { conflict, notFound } from "../../base/errors.ts";
import type { KeyedQueue } from "../../base/keyed-queue.ts";

/** As long as the ids of the cache's other records. */
const ID_CHARS = 25;

/** What a kept thing, whose name is a digest in hex, is called in the cache's list. */
export function keptId(name: string): string {
  return name.slice(0, ID_CHARS);
}

/** The one of the names that has this id. Throws not-found, or conflict while work for it is under way. */
export function namedBy(names: string[], id: string, queue: KeyedQueue): string {
  const name = names.find((one) => keptId(one) === id);
  if (name === undefined) throw notFound("build cache record", id);
  if (queue.has(name)) throw conflict(`build cache record ${id} is in use`);
  return name;
}
