import { compilePattern, PathView } from "../../formats/dockerignore/compile-pattern.ts";
import { createMatcher, stateAt } from "../../formats/dockerignore/patterns.ts";

/** Which paths of a source are taken. Paths are relative to it, without leading slash. */
export interface PathFilter {
  takes(path: string): boolean;
  /** For a directory that is not taken itself: something below it may be. */
  mayTakeBelow(path: string): boolean;
}

/**
 * `include` undefined: everything; a pattern that matches a directory takes all below. `exclude` wins. undefined: nothing is left
 * out. Throws invalid-argument for a pattern that cannot be read.
 */
export function createPathFilter(include: string[] | undefined, exclude: string[]): PathFilter | undefined {
  if (include === undefined && exclude.length === 0) return undefined;
  const left = createMatcher(exclude);
  const wanted = include === undefined ? undefined : createMatcher(include);
  const patterns = include?.map(compilePattern);
  return {
    takes: (path) => wanted?.matches(path) !== false && !left.matches(path),
    mayTakeBelow(path) {
      if (left.matches(path) && !left.mayHoldException(path, stateAt(left, path))) return false;
      return (
        wanted?.matches(path) !== false ||
        patterns?.some((pattern) => pattern.mayMatchBelow(new PathView(path))) === true
      );
    },
  };
}
