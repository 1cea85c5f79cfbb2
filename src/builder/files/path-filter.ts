import { compilePattern, PathView } from "../../formats/dockerignore/compile-pattern.ts";
import { createMatcher, type Matcher, type MatchState } from "../../formats/dockerignore/patterns.ts";

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
  const left = new PathMatcher(exclude);
  const wanted = include === undefined ? undefined : new PathMatcher(include);
  const patterns = include?.map(compilePattern);
  return {
    takes: (path) => wanted?.matches(path) !== false && !left.matches(path),
    mayTakeBelow(path) {
      if (left.matches(path) && !left.mayHoldException(path)) return false;
      if (wanted?.matches(path) !== false) return true;
      const view = new PathView(path);
      return patterns?.some((pattern) => pattern.mayMatchBelow(view)) === true;
    },
  };
}

/** A matcher for paths as they come on a walk: what it found of the directory that they are in is kept. */
export class PathMatcher {
  readonly #matcher: Matcher;
  #directory = "";
  #state: MatchState;

  /** Throws invalid-argument for a pattern that cannot be read. */
  constructor(patterns: string[]) {
    this.#matcher = createMatcher(patterns);
    this.#state = this.#matcher.top;
  }

  matches(path: string): boolean {
    return this.#stateOf(path).matched;
  }

  /** For a directory that matches. */
  mayHoldException(directory: string): boolean {
    return this.#matcher.hasExceptions && this.#matcher.mayHoldException(directory, this.#stateOf(directory));
  }

  #stateOf(path: string): MatchState {
    const slash = path.lastIndexOf("/");
    if (slash < 0) return this.#matcher.step(path, this.#matcher.top);
    const directory = path.slice(0, slash);
    if (directory !== this.#directory) {
      this.#state = this.#stateOf(directory);
      this.#directory = directory;
    }
    return this.#matcher.step(path, this.#state);
  }
}
