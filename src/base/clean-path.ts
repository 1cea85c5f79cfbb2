import { posix } from "node:path";

/** Go's path.Clean: the shortest path with the same meaning, as far as the text alone tells; "." for "". No slash at its end. */
export function cleanPath(path: string): string {
  const clean = posix.normalize(path);
  return clean.length > 1 && clean.endsWith("/") ? clean.slice(0, -1) : clean;
}
