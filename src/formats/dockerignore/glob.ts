import { invalid } from "../../base/errors.ts";

/** One character of a pattern: itself, `?`, a class, or any number of characters (`*`). Only "one" may stand for a slash. */
export type GlobToken =
  | { kind: "one"; character: string }
  | { kind: "any" }
  | { kind: "class"; negated: boolean; ranges: { low: number; high: number }[] }
  | { kind: "star" };

/** Whether `name` is what `pattern` describes. Throws as `parseGlob` does. @see Go path/filepath `Match` */
export function matchGlob(pattern: string, name: string): boolean {
  return matchTokens(parseGlob(pattern), name);
}

/**
 * Reads a pattern as Go's filepath.Match does: `*` and `?` stop at slashes, `\` takes the meaning from what follows, `[a-c]` and
 * `[^a-c]` are classes. Throws invalid-argument with Go's words. `**` is two stars here.
 */
export function parseGlob(pattern: string): GlobToken[] {
  const characters = Array.from(pattern);
  const tokens: GlobToken[] = [];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] as string;
    if (character === "*") tokens.push({ kind: "star" });
    else if (character === "?") tokens.push({ kind: "any" });
    else if (character === "[") {
      const { token, end } = parseClass(characters, at + 1, pattern);
      tokens.push(token);
      at = end;
    } else if (character !== "\\") tokens.push({ kind: "one", character });
    else if (at + 1 < characters.length) tokens.push({ kind: "one", character: characters[++at] as string });
    else throw badPattern(pattern);
  }
  return tokens;
}

/** `end`: where the closing bracket stands. */
function parseClass(characters: string[], start: number, pattern: string): { token: GlobToken; end: number } {
  const negated = characters[start] === "^";
  const ranges: { low: number; high: number }[] = [];
  let at = negated ? start + 1 : start;
  const take = (): number => {
    if (characters[at] === "-" || characters[at] === "]") throw badPattern(pattern);
    if (characters[at] === "\\") at++;
    const character = characters[at++];
    // A class has to be closed, so that something must follow.
    if (character === undefined || at >= characters.length) throw badPattern(pattern);
    return character.codePointAt(0) as number;
  };
  while (ranges.length === 0 || characters[at] !== "]") {
    const low = take();
    if (characters[at] !== "-") ranges.push({ low, high: low });
    else {
      at++;
      ranges.push({ low, high: take() });
    }
  }
  return { token: { kind: "class", negated, ranges }, end: at };
}

/**
 * Whether the tokens describe all of `name`. Only the last star is ever lengthened: what stands before it was found at the first
 * place where it fits, which leaves most room. Time is at most the product of both lengths.
 */
export function matchTokens(tokens: GlobToken[], name: string): boolean {
  let [at, index] = [0, 0];
  let [starAt, starIndex] = [-1, -1];
  while (at < name.length || index < tokens.length) {
    const token = tokens[index];
    if (token?.kind === "star") {
      [starAt, starIndex] = [at, index++];
      continue;
    }
    const length = token === undefined ? 0 : matchLength(token, name, at);
    if (length > 0) {
      at += length;
      index++;
      continue;
    }
    if (starIndex < 0 || starAt >= name.length || name[starAt] === "/") return false;
    at = ++starAt;
    index = starIndex + 1;
  }
  return true;
}

/** How many UTF-16 units at `at` are the one character that `token` wants; 0: it is another. */
export function matchLength(token: GlobToken, name: string, at: number): number {
  if (token.kind === "one") return name.startsWith(token.character, at) ? token.character.length : 0;
  const code = name.codePointAt(at);
  if (code === undefined || code === SLASH) return 0;
  if (token.kind === "class") {
    const inside = token.ranges.some(({ low, high }) => low <= code && code <= high);
    if (inside === token.negated) return 0;
  }
  return code > 0xffff ? 2 : 1;
}

const SLASH = 47;

function badPattern(pattern: string): Error {
  return invalid(`syntax error in pattern: ${pattern}`);
}
