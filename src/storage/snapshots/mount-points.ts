import { posix } from "node:path";
import { type Stack, walkMerged } from "./merged-view.ts";

/**
 * What a mount at `path` has made for it, as the launcher makes it: real paths without links, relative to the root, the outermost
 * first. Empty: it is all there, or cannot be made.
 */
export function missingMountPoints(stack: Stack, path: string): string[] {
  const walked = walkMerged(stack, path);
  if (walked === undefined) return [];
  const places: string[] = [];
  let place = Buffer.from(walked.found.path).toString();
  for (const name of walked.missing) {
    place = posix.join(place, name);
    places.push(place);
  }
  return places;
}
