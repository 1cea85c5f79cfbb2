import { cleanPath } from "../../base/clean-path.ts";
import { invalid } from "../../base/errors.ts";
import { type CompiledPattern, compilePattern, PathView } from "./compile-pattern.ts";

/** The largest ignore file that is read, in bytes. */
export const MAX_IGNORE_FILE_BYTES = 1024 * 1024;

/** The longest pattern, in characters: no path is longer (PATH_MAX). */
const MAX_PATTERN_CHARS = 4096;

/** The most patterns that are kept. */
const MAX_PATTERNS = 20_000;

/** What is known of a directory, to be handed on to what lies in it. */
export interface MatchState {
  /** The path is matched, and not excepted again. */
  readonly matched: boolean;
  /** For each pattern, 1 where it matched the path or a directory above it. */
  readonly patterns: Uint8Array;
}

/**
 * Patterns as of a `.dockerignore`. The last one that matches decides, and one that matches a directory matches all below. A pattern
 * is asked only where it would change something, as in moby: `a !a/b a` keeps `a/b`, because the third one was never asked about
 * `a`. Paths are relative, with slashes between and at neither end.
 * @see moby/patternmatcher `MatchesUsingParentResults`
 */
export interface Matcher {
  /** Some pattern starts with `!`. */
  readonly hasExceptions: boolean;
  /** Where a walk starts: nothing is matched yet. */
  readonly top: MatchState;
  /** One step of a walk: the state of `path`, which lies in a directory with the state `parent`. Often that very state. */
  step(path: string, parent: MatchState): MatchState;
  /** Whether the path, or a parent of it, is matched and not excepted again: as a walk from the top to it finds. */
  matches(path: string): boolean;
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
  const compiled = patterns.map((written) => written.trim()).filter((written) => written !== "");
  if (compiled.length > MAX_PATTERNS) throw invalid(`more than ${MAX_PATTERNS} patterns`);
  return new PatternMatcher(compiled.map(parsePattern));
}

interface Rule {
  pattern: CompiledPattern;
  exception: boolean;
}

function parsePattern(written: string): Rule {
  const clean = cleanPath(written);
  if (clean === "!") throw invalid('illegal exclusion pattern: "!"');
  if (clean.length > MAX_PATTERN_CHARS) throw invalid(`pattern is longer than ${MAX_PATTERN_CHARS} characters`);
  const exception = clean.startsWith("!");
  return { pattern: compilePattern(exception ? clean.slice(1) : clean), exception };
}

class PatternMatcher implements Matcher {
  readonly hasExceptions: boolean;
  readonly top: MatchState;
  readonly #rules: Rule[];

  constructor(rules: Rule[]) {
    this.#rules = rules;
    this.hasExceptions = rules.some(({ exception }) => exception);
    this.top = { matched: false, patterns: new Uint8Array(rules.length) };
  }

  step(path: string, parent: MatchState): MatchState {
    const view = new PathView(path);
    let patterns = parent.patterns;
    let matched = false;
    for (let at = 0; at < this.#rules.length; at++) {
      const { exception, pattern } = this.#rules[at] as Rule;
      if (patterns[at] === 0) {
        if (exception !== matched || !pattern.matches(view)) continue;
        if (patterns === parent.patterns) patterns = parent.patterns.slice();
        patterns[at] = 1;
      }
      matched = !exception;
    }
    return patterns === parent.patterns ? parent : { matched, patterns };
  }

  matches(path: string): boolean {
    let state = this.top;
    for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1))
      state = this.step(path.slice(0, slash), state);
    return this.step(path, state).matched;
  }

  mayHoldException(directory: string, { patterns }: MatchState): boolean {
    // What matched the directory itself matches below it again, so that only a pattern behind it can make a difference.
    const last = patterns.lastIndexOf(1);
    const view = new PathView(directory);
    return this.#rules.some(({ exception, pattern }, at) => exception && at > last && pattern.mayMatchBelow(view));
  }
}
