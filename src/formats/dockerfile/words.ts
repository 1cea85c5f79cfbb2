import { DockerfileSyntaxError } from "./dockerfile-error.ts";
import { isSpace, trimLeft } from "./spaces.ts";

/** Words at blanks; quotes hold a word together and stay in it, as escapes do. @see BuildKit parser/line_parsers.go `parseWords` */
export function splitQuoted(text: string, escape: string): string[] {
  const words: string[] = [];
  let start = -1;
  let quote = "";
  let at = 0;
  for (; at < text.length; at++) {
    const character = text[at] as string;
    if (quote === "" && isSpace(character)) {
      if (start >= 0) words.push(text.slice(start, at));
      start = -1;
      continue;
    }
    if (start < 0) start = at;
    if (character === escape && quote !== "'") at++;
    else if (quote === "" && (character === "'" || character === '"')) quote = character;
    else if (character === quote) quote = "";
  }
  // An escape that nothing follows is dropped.
  const last = start < 0 ? "" : text.slice(start, at > text.length ? text.length - 1 : undefined);
  return last === "" ? words : [...words, last];
}

/** Words at blanks, and nothing else is special. */
export function splitBlanks(text: string): string[] {
  return text === "" ? [] : text.split(/[\t\v\f\r ]+/);
}

/**
 * The strings of a JSON array; undefined where the text is no JSON array, which then counts as plain text. An array that holds
 * anything but strings is an error.
 */
export function parseJsonArray(text: string): string[] | undefined {
  const trimmed = trimLeft(text);
  if (!trimmed.startsWith("[")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(trimmed);
  } catch {
    return undefined; // Docker takes `[ -f x ]` for a shell's line, too.
  }
  if (!Array.isArray(value)) return undefined;
  if (!value.every((item) => typeof item === "string"))
    throw new DockerfileSyntaxError("when using JSON array syntax, arrays must be comprised of strings only");
  return value as string[];
}
