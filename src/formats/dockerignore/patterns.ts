import { cleanPath } from "../../base/clean-path.ts";
import { invalid } from "../../base/errors.ts";
import { type CompiledPattern, compilePattern, PathView } from "./compile-pattern.ts";

/** The largest ignore file that is read, in bytes. */
export const MAX_IGNORE_FILE_BYTES = 1024 * 1024;

/** The longest pattern, in characters: no path is longer (PATH_MAX). */
const MAX_PATTERN_CHARS = 4096;

/** The most patterns that are kept. */
const MAX_PATTERNS = 20_000;

/** Which pattern decides about a path: its number, or -1 for none. To be handed on to what lies below. */
export type MatchState = number;

/** Before anything was looked at. */
export const NO_MATCH: MatchState = -1;

/**
 * Patterns as of a `.dockerignore`. The last one that matches decides, and one that matches a directory matches all below. Paths
 * are relative, with slashes between and at neither end.
 * @see moby/patternmatcher
 */
export interface Matcher {
  /** Some pattern starts with `!`. */
  readonly hasExceptions: boolean;
  /** Whether the path, or a parent of it, is matched and not excepted again. */
  matches(path: string): boolean;
  /** One step of a walk: the state of `path` under a directory with the state `parent`. Says the same as `matches`. */
  step(path: string, parent: MatchState): MatchState;
  /** Whether the state means that the path is matched. */
  isMatched(state: MatchState): boolean;
  /** Whether a directory that is matched may hold something that is excepted, so that a walk has to look into it. */
  mayHoldException(directory: string, state: MatchState): boolean;
}

/**
 * The patterns of an ignore file, cleaned: relative, without `.` and `..` where they can be resolved. Lines that start with `#` and
 * empty ones are none. @see moby/patternmatcher ignorefile `ReadAll`
 */
export function parseIgnoreFile(text: string): string[] {
  if (text.length > MAX_IGNORE_FILE_BYTES) throw invalid(`ignore file is larger than ${MAX_IGNORE_FILE_BYTES} bytes`);
  const patterns: string[] = [];
  for (const line of text.replace(/^\uFEFF/, "").split("\n")) {
    if (line.startsWith("#")) continue;
    const trimmed = line.trim();
    if (trimmed === "") continue;
    const inverted = trimmed.startsWith("!");
    const written = inverted ? trimmed.slice(1).trim() : trimmed;
    const clean = written === "" ? "" : cleanPath(written);
    const relative = clean.length > 1 && clean.startsWith("/") ? clean.slice(1) : clean;
    patterns.push(`${inverted ? "!" : ""}${relative}`);
  }
  return patterns;
}

/** Throws invalid-argument for a pattern that cannot be read, with Docker's words. Patterns are compiled once. */
export function createMatcher(patterns: string[]): Matcher {
  const compiled: { pattern: CompiledPattern; exception: boolean }[] = [];
  if (patterns.length > MAX_PATTERNS) throw invalid(`more than ${MAX_PATTERNS} patterns`);
  for (const written of patterns) {
    const trimmed = written.trim();
    if (trimmed === "") continue;
    const clean = cleanPath(trimmed);
    const exception = clean.startsWith("!");
    if (clean === "!") throw invalid('illegal exclusion pattern: "!"');
    if (clean.length > MAX_PATTERN_CHARS) throw invalid(`pattern is longer than ${MAX_PATTERN_CHARS} characters`);
    compiled.push({ pattern: compilePattern(exception ? clean.slice(1) : clean), exception });
  }
  const isMatched = (state: MatchState) => state >= 0 && compiled[state]?.exception === false;
  return {
    hasExceptions: compiled.some((item) => item.exception),
    isMatched,
    matches: (path) => {
      const view = new PathView(path);
      return isMatched(compiled.findLastIndex(({ pattern }) => pattern.matchesTree(view)));
    },
    step: (path, parent) => {
      const view = new PathView(path);
      // Only a pattern behind the one that decided about the directory can change anything.
      for (let at = compiled.length - 1; at > parent; at--) if (compiled[at]?.pattern.matches(view)) return at;
      return parent;
    },
    mayHoldException: (directory, state) => {
      const view = new PathView(directory);
      return compiled.some((item, at) => at > state && item.exception && item.pattern.mayMatchBelow(view));
    },
  };
}
