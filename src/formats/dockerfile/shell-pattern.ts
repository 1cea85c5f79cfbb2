import { DockerfileError } from "./dockerfile-error.ts";
import { MAX_PATTERN_WORK } from "./limits.ts";

/** Characters between two `*`; undefined: any character (`?`). */
type Segment = (string | undefined)[];

/**
 * `${v#pattern}` (`side` "#": the start goes away) and `${v%pattern}` ("%": the end does). Where more than one length fits, the
 * shortest goes, or the longest. Throws for an escape that is none.
 * @see POSIX.1-2017 Shell Command Language 2.6.2; BuildKit frontend/dockerfile/shell/lex.go
 */
export function trimPattern(value: string, pattern: string, options: { side: "#" | "%"; longest: boolean }): string {
  const segments = parsePattern(pattern, value);
  const characters = Array.from(value);
  const fromEnd = options.side === "%";
  if (fromEnd) {
    segments.reverse();
    for (const segment of segments) segment.reverse();
    characters.reverse();
  }
  if (!fits(characters, segments[0] as Segment, 0)) return value;
  const match = matchFrom(characters, segments, { from: 0, longest: options.longest });
  if (match === undefined) return value;
  const rest = characters.slice(match.end);
  return (fromEnd ? rest.reverse() : rest).join("");
}

/** `${v/pattern/replacement}` and `${v//…}`: the longest match that starts first, or all of them. */
export function replacePattern(
  value: string,
  pattern: string,
  options: { replacement: string; all: boolean; maxChars: number },
): string {
  const segments = parsePattern(pattern, value);
  const characters = Array.from(value);
  let result = "";
  let at = 0;
  while (at <= characters.length) {
    const match = matchFrom(characters, segments, { from: at, longest: true });
    if (match === undefined) break;
    result += characters.slice(at, match.start).join("") + options.replacement;
    at = match.end;
    if (result.length > options.maxChars) throw tooLong(options.maxChars);
    if (!options.all) break;
    // A match of nothing must not be found again at the same place.
    if (match.end === match.start) result += characters[at++] ?? "";
  }
  return result + characters.slice(at).join("");
}

/**
 * The match that starts first. Every segment is taken where it first fits; that leaves most room for those behind it, so nothing
 * is ever tried twice. The last one decides the length.
 */
function matchFrom(
  characters: string[],
  segments: Segment[],
  { from, longest }: { from: number; longest: boolean },
): { start: number; end: number } | undefined {
  let start = from;
  let at = from;
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1 && index > 0;
    const found = last && longest ? findLast(characters, segment, at) : findFirst(characters, segment, at);
    if (found < 0) return undefined;
    if (index === 0) start = found;
    at = found + segment.length;
  }
  return { start, end: at };
}

function findFirst(characters: string[], segment: Segment, from: number): number {
  for (let at = from; at + segment.length <= characters.length; at++) if (fits(characters, segment, at)) return at;
  return -1;
}

function findLast(characters: string[], segment: Segment, from: number): number {
  for (let at = characters.length - segment.length; at >= from; at--) if (fits(characters, segment, at)) return at;
  return -1;
}

function fits(characters: string[], segment: Segment, at: number): boolean {
  return (
    at + segment.length <= characters.length &&
    segment.every((wanted, index) => wanted === undefined || wanted === characters[at + index])
  );
}

/** Segments between the `*` of a pattern; one more than there are `*`. */
function parsePattern(pattern: string, value: string): Segment[] {
  if (pattern.length * value.length > MAX_PATTERN_WORK)
    throw new DockerfileError(`pattern of ${pattern.length} characters is too long for a value of ${value.length}`);
  const segments: Segment[] = [[]];
  const characters = Array.from(pattern);
  for (let at = 0; at < characters.length; at++) {
    let character = characters[at];
    if (character === "*") {
      segments.push([]);
      continue;
    }
    if (character === "\\") {
      character = characters[++at];
      // `}` and `/` have to be escaped within `${…}`, but that escape is not the pattern's.
      if (character === undefined || !"*?\\}/".includes(character))
        throw new DockerfileError(
          `invalid pattern (${pattern}) in substitution: invalid escape '\\${character ?? "\uFFFD"}'`,
        );
    } else if (character === "?") character = undefined;
    segments.at(-1)?.push(character);
  }
  return segments;
}

/** A value in place of every character of another one: the product of both lengths. */
export function tooLong(maxChars: number): DockerfileError {
  return new DockerfileError(`expansion is longer than ${maxChars} characters`);
}
