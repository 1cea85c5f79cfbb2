import { MAX_DOCUMENT_CHARS, MAX_EXPANSION_WORK, MAX_WORD_CHARS } from "./limits.ts";
import { WordScanner } from "./word-scanner.ts";

/** The value of a variable; undefined: not set. */
export type Lookup = (name: string) => string | undefined;

/** Names of variables that were asked for while something was expanded. */
export interface VariableNames {
  matched: Set<string>;
  unmatched: Set<string>;
}

export interface ExpandOptions {
  /** The character of the `escape` directive; `\` where it is not given. */
  escape?: "\\" | "`";
  /** Quotes stay in the result. They still hold words together. */
  rawQuotes?: boolean;
  /** Escapes stay in the result. They still take the meaning from the character behind them. */
  rawEscapes?: boolean;
  /** Quotes are characters as any other. */
  plainQuotes?: boolean;
  /** Variables that are not set stay in the result as they are written. */
  keepUnset?: boolean;
  /** Gets the names that were asked for. */
  names?: VariableNames;
  /** What all words of a Dockerfile may cost together; without it each has its own limit only. */
  budget?: ExpansionBudget;
}

/** Is used up by every expansion that gets it; when nothing is left, they fail. */
export interface ExpansionBudget {
  left: number;
}

/** For one Dockerfile, whoever sent it: its variables may make every word as long as a word can be. */
export function newExpansionBudget(): ExpansionBudget {
  return { left: MAX_EXPANSION_WORK };
}

/**
 * `word` with its variables replaced and its quotes and escapes taken away. Throws DockerfileError for what cannot be read, with
 * BuildKit's words, and where the result grows past MAX_WORD_CHARS.
 * @see BuildKit frontend/dockerfile/shell/lex.go `ProcessWord`
 */
export function expandWord(word: string, lookup: Lookup, options: ExpandOptions = {}): string {
  if (isPlain(word)) return word;
  return new WordScanner(word, lookup, { ...options, maxChars: MAX_WORD_CHARS }).expand();
}

/** As `expandWord`; the result is split at blanks, also those that a variable outside quotes brings. Words that are empty are dropped. */
export function expandWords(word: string, lookup: Lookup, options: ExpandOptions = {}): string[] {
  return new WordScanner(word, lookup, { ...options, maxChars: MAX_WORD_CHARS }).words();
}

/**
 * A document (`<<EOF`) with its variables replaced. Quotes are text there; `\` is the escape, whatever the directive says.
 * @see BuildKit frontend/dockerfile/dockerfile2llb/convert.go `ExpandRaw`
 */
export function expandHeredoc(
  content: string,
  lookup: Lookup,
  options: Pick<ExpandOptions, "names" | "budget"> = {},
): string {
  if (isPlain(content)) return content;
  return new WordScanner(content, lookup, { ...options, plainQuotes: true, maxChars: MAX_DOCUMENT_CHARS }).expand();
}

export function noNames(): VariableNames {
  return { matched: new Set(), unmatched: new Set() };
}

/** Most words have nothing in them that could change. */
function isPlain(word: string): boolean {
  return word.length <= MAX_WORD_CHARS && !/[$"'\\`]/.test(word);
}
