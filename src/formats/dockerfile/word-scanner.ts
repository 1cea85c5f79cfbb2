import { DockerfileError } from "./dockerfile-error.ts";
import type { ExpandOptions, Lookup } from "./expand.ts";
import { MAX_NESTING } from "./limits.ts";
import { replacePattern, trimPattern } from "./shell-pattern.ts";
import { WordList } from "./word-list.ts";

type ScanOptions = ExpandOptions & { maxChars: number };

/** Letters, digits and `_`, as Go's unicode.IsLetter and IsDigit tell them. */
const NAME = /[\p{L}_][\p{L}\p{Nd}_]*|\p{Nd}+|[@*#?\-$!]/uy;

/** Characters at which plain text may end. */
const MEANINGFUL = new Set(["$", "'", '"', "<"]);

const BLANKS = new Set([" ", "\t", "\r"]);

/** Reads one text from left to right; every character is looked at once, however deep `${…}` are nested. */
export class WordScanner {
  readonly #source: string;
  readonly #lookup: Lookup;
  readonly #options: ScanOptions;
  readonly #escape: string;
  #at = 0;
  #depth = 0;
  #rawEscapes: boolean;
  #produced = 0;

  constructor(source: string, lookup: Lookup, options: ScanOptions) {
    this.#source = source;
    this.#lookup = lookup;
    this.#options = options;
    this.#escape = options.escape ?? "\\";
    this.#rawEscapes = options.rawEscapes ?? false;
  }

  expand(): { text: string; words: string[] } {
    try {
      return this.#until("", this.#rawEscapes);
    } catch (error) {
      if (!(error instanceof DockerfileError)) throw error;
      throw new DockerfileError(`failed to process ${quoted(this.#source)}: ${error.message}`, undefined, {
        cause: error,
      });
    }
  }

  #until(stop: string, rawEscapes: boolean): { text: string; words: string[] } {
    const words = new WordList();
    const before = this.#rawEscapes;
    this.#rawEscapes = rawEscapes;
    let text = "";
    while (this.#at < this.#source.length) {
      const character = this.#source[this.#at] as string;
      if (character === stop) {
        this.#at++;
        this.#rawEscapes = before;
        return { text, words: words.end() };
      }
      if (character === "$") {
        const value = this.#dollar();
        words.add(value);
        text += this.#count(value);
      } else if (!this.#options.plainQuotes && (character === "'" || character === '"')) {
        const value = character === "'" ? this.#singleQuotes() : this.#doubleQuotes();
        words.addRaw(value);
        text += this.#count(value);
      } else if (character === this.#escape) {
        const value = this.#escaped();
        if (value !== "") words.addRaw(value);
        text += this.#count(value);
      } else if (this.#source.startsWith("<<", this.#at)) {
        const value = this.#heredocMark();
        words.addRaw(value);
        text += this.#count(value);
      } else {
        const value = this.#plain(stop);
        words.add(value);
        text += this.#count(value);
      }
    }
    this.#rawEscapes = before;
    if (stop !== "") throw new DockerfileError(`unexpected end of statement while looking for matching ${stop}`);
    return { text, words: words.end() };
  }

  /** Characters without a meaning, as many as there are. */
  #plain(stop: string): string {
    const start = this.#at++;
    for (; this.#at < this.#source.length; this.#at++) {
      const character = this.#source[this.#at] as string;
      if (character === stop || character === this.#escape || MEANINGFUL.has(character)) break;
    }
    return this.#source.slice(start, this.#at);
  }

  /** `<<` belongs to the delimiter that follows it, also across blanks. */
  #heredocMark(): string {
    const start = this.#at;
    this.#at += 2;
    while (BLANKS.has(this.#source[this.#at] ?? "")) this.#at++;
    return this.#source.slice(start, this.#at);
  }

  /** An escape at the very end is dropped. */
  #escaped(): string {
    const kept = this.#rawEscapes ? this.#escape : "";
    const character = this.#source[this.#at + 1] ?? "";
    this.#at += 2;
    return kept + character;
  }

  #singleQuotes(): string {
    const end = this.#source.indexOf("'", this.#at + 1);
    if (end < 0) {
      this.#at = this.#source.length;
      throw new DockerfileError("unexpected end of statement while looking for matching single-quote");
    }
    const text = this.#source.slice(this.#at + 1, end);
    this.#at = end + 1;
    return this.#options.rawQuotes ? `'${text}'` : text;
  }

  #doubleQuotes(): string {
    const quote = this.#options.rawQuotes ? '"' : "";
    let text = quote;
    for (this.#at++; this.#at < this.#source.length; ) {
      const character = this.#source[this.#at] as string;
      if (character === '"') {
        this.#at++;
        return text + quote;
      }
      if (character === "$") {
        text += this.#count(this.#dollar());
        continue;
      }
      this.#at++;
      if (character !== this.#escape) {
        text += character;
        continue;
      }
      if (this.#rawEscapes) text += character;
      const next = this.#source[this.#at];
      if (next === undefined) break;
      // Only these can be escaped within quotes; before any other character the escape is a character, too.
      if (next === '"' || next === "$" || next === this.#escape) {
        text += next;
        this.#at++;
      } else text += character;
    }
    throw new DockerfileError("unexpected end of statement while looking for matching double-quote");
  }

  #dollar(): string {
    this.#at++;
    if (this.#source[this.#at] !== "{") {
      const name = this.#name();
      if (name === "") return "$";
      const value = this.#value(name);
      return value ?? (this.#options.keepUnset ? `$${name}` : "");
    }
    if (++this.#depth > MAX_NESTING) throw new DockerfileError(`variables are nested deeper than ${MAX_NESTING}`);
    this.#at++;
    const result = this.#braces();
    this.#depth--;
    return result;
  }

  #braces(): string {
    const first = this.#source[this.#at];
    if (first === undefined) throw new DockerfileError("syntax error: missing '}'");
    if (first === "{" || first === "}" || first === ":") throw new DockerfileError("syntax error: bad substitution");
    const name = this.#name();
    let modifier = this.#next();
    if (modifier === "}") {
      const value = this.#value(name);
      return value ?? (this.#options.keepUnset ? `\${${name}}` : "");
    }
    if (modifier === "/") return this.#replace(name);
    if (modifier === ":") modifier += this.#next();
    const kind = modifier.replace(":", "");
    if (!(modifier.startsWith(":") ? kind !== "" : "+-?#%".includes(kind) && kind !== ""))
      throw new DockerfileError(`unsupported modifier (${modifier}) in substitution`);
    if (modifier.startsWith(":") && (kind === "#" || kind === "%"))
      throw new DockerfileError(`unsupported modifier (${modifier}) in substitution`);
    const word = this.#wordUntil("}", kind === "#" || kind === "%", "syntax error: missing '}'");
    const value = this.#value(name);
    if (value === undefined && this.#options.keepUnset) return `\${${name}${modifier}${word}}`;
    return this.#modified({ name, modifier, word, value });
  }

  #modified({
    name,
    modifier,
    word,
    value,
  }: {
    name: string;
    modifier: string;
    word: string;
    value: string | undefined;
  }) {
    const missing = value === undefined || (modifier.startsWith(":") && value === "");
    switch (modifier) {
      case "-":
      case ":-":
        return missing ? word : (value as string);
      case "+":
      case ":+":
        return missing ? "" : word;
      case "?":
      case ":?":
        if (!missing) return value as string;
        throw new DockerfileError(
          `${name}: ${word || (value === undefined ? "is not allowed to be unset" : "is not allowed to be empty")}`,
        );
      case "#":
      case "%": {
        const longest = word.startsWith(modifier);
        return trimPattern(value ?? "", longest ? word.slice(1) : word, { side: modifier, longest });
      }
      default:
        throw new DockerfileError(`unsupported modifier (${modifier}) in substitution`);
    }
  }

  #replace(name: string): string {
    const all = this.#source[this.#at] === "/";
    if (all) this.#at++;
    const pattern = this.#wordUntil("/", true, "syntax error: missing '/' in ${}");
    const replacement = this.#wordUntil("}", true, "syntax error: missing '}'");
    const value = this.#value(name);
    if (value === undefined && this.#options.keepUnset) return `\${${name}/${pattern}/${replacement}}`;
    return replacePattern(value ?? "", pattern, { replacement, all });
  }

  #wordUntil(stop: string, rawEscapes: boolean, missing: string): string {
    try {
      return this.#until(stop, rawEscapes).text;
    } catch (error) {
      if (error instanceof DockerfileError && this.#at >= this.#source.length) throw new DockerfileError(missing);
      throw error;
    }
  }

  #next(): string {
    const code = this.#source.codePointAt(this.#at);
    // What stands for the end in Go's scanner prints as U+FFFD.
    if (code === undefined) return "\uFFFD";
    const character = String.fromCodePoint(code);
    this.#at += character.length;
    return character;
  }

  #name(): string {
    NAME.lastIndex = this.#at;
    const name = NAME.exec(this.#source)?.[0] ?? "";
    this.#at += name.length;
    return name;
  }

  #value(name: string): string | undefined {
    const value = this.#lookup(name);
    this.#options.names?.[value === undefined ? "unmatched" : "matched"].add(name);
    return value;
  }

  #count(text: string): string {
    this.#produced += text.length;
    if (this.#produced > this.#options.maxChars)
      throw new DockerfileError(`expansion is longer than ${this.#options.maxChars} characters`);
    return text;
  }
}

/** The start of a text, as Go's %q prints it. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
