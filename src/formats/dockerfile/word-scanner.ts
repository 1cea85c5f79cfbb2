import { DockerfileError } from "./dockerfile-error.ts";
import type { ExpandOptions, Lookup } from "./expand.ts";
import { MAX_NESTING } from "./limits.ts";
import { replacePattern, tooLong, trimPattern } from "./shell-pattern.ts";
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

  constructor(source: string, lookup: Lookup, options: ScanOptions) {
    this.#source = source;
    this.#lookup = lookup;
    this.#options = options;
    this.#escape = options.escape ?? "\\";
    this.#rawEscapes = options.rawEscapes ?? false;
  }

  expand(): string {
    return this.#run(undefined);
  }

  /** Split at blanks, also those that come with a value outside quotes. */
  words(): string[] {
    const words = new WordList();
    this.#run(words);
    return words.end();
  }

  #run(words: WordList | undefined): string {
    try {
      this.#spend(0);
      return this.#until("", this.#rawEscapes, words);
    } catch (error) {
      if (!(error instanceof DockerfileError)) throw error;
      throw new DockerfileError(`failed to process ${quoted(this.#source)}: ${error.message}`, undefined, {
        cause: error,
      });
    }
  }

  /** Up to `stop`, or to the end where that is "". */
  #until(stop: string, rawEscapes: boolean, words?: WordList): string {
    const before = this.#rawEscapes;
    this.#rawEscapes = rawEscapes;
    let text = "";
    while (this.#at < this.#source.length) {
      const character = this.#source[this.#at] as string;
      if (character === stop) {
        this.#at++;
        this.#rawEscapes = before;
        return text;
      }
      const { value, blanksSplit } = this.#piece(character, stop);
      text = this.#append(text, value);
      if (blanksSplit) words?.add(value);
      else words?.addRaw(value);
    }
    this.#rawEscapes = before;
    if (stop !== "") throw new DockerfileError(`unexpected end of statement while looking for matching ${stop}`);
    return text;
  }

  /** What starts with `character`, and whether blanks in it stand between words. */
  #piece(character: string, stop: string): { value: string; blanksSplit: boolean } {
    const isQuote = !this.#options.plainQuotes && (character === "'" || character === '"');
    if (character === "$") return { value: this.#dollar(), blanksSplit: true };
    if (isQuote) return { value: character === "'" ? this.#singleQuotes() : this.#doubleQuotes(), blanksSplit: false };
    if (character === this.#escape) return { value: this.#escaped(), blanksSplit: false };
    if (this.#source.startsWith("<<", this.#at)) return { value: this.#heredocMark(), blanksSplit: false };
    return { value: this.#plain(stop), blanksSplit: true };
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
        text = this.#append(text, this.#dollar());
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
    if (modifier.startsWith(":") ? /[#%]$/.test(modifier) : !/^[-+?#%]$/.test(modifier))
      throw new DockerfileError(`unsupported modifier (${modifier}) in substitution`);
    const isPattern = modifier === "#" || modifier === "%";
    const word = this.#wordUntil("}", isPattern, "syntax error: missing '}'");
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
        this.#spend((value ?? "").length * (word.length + 1));
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
    this.#spend((value ?? "").length * (pattern.length + 1));
    return replacePattern(value ?? "", pattern, { replacement, all, maxChars: this.#options.maxChars });
  }

  #wordUntil(stop: string, rawEscapes: boolean, missing: string): string {
    try {
      return this.#until(stop, rawEscapes);
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

  #append(text: string, value: string): string {
    if (text.length + value.length > this.#options.maxChars) throw tooLong(this.#options.maxChars);
    this.#spend(value.length);
    return text + value;
  }

  #spend(work: number): void {
    const { budget } = this.#options;
    if (budget === undefined) return;
    budget.left -= work;
    if (budget.left < 0) throw new DockerfileError("the variables of the Dockerfile expand to too much");
  }
}

/** The start of a text, as Go's %q prints it. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
