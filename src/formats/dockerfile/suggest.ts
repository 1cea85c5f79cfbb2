import { editDistance } from "../../base/edit-distance.ts";

/** A word further away than this is no typing mistake. */
const MAX_DISTANCE = 2;

/** Longer words get no suggestion: the time to compare two grows with the square of their length. */
const MAX_WORD_CHARS = 50;

/** So many words are looked at. */
const MAX_KNOWN = 200;

/** `text (did you mean X?)` where a word within two edits of `written` is known. @see BuildKit util/suggest/error.go */
export function withSuggestion(text: string, written: string, known: readonly string[]): string {
  const best = closestWord(written, known, "any case");
  return best === undefined ? text : `${text} (did you mean ${best}?)`;
}

/** undefined where nothing is near, or the very word is known: then it is not what is wrong. */
export function closestWord(
  written: string,
  known: readonly string[],
  casing: "any case" | "exact case",
): string | undefined {
  const fold = (word: string) => (casing === "any case" ? word.toLowerCase() : word);
  if (written.length > MAX_WORD_CHARS) return undefined;
  let best: string | undefined;
  let bestDistance = MAX_DISTANCE + 1;
  for (const word of known.slice(0, MAX_KNOWN)) {
    if (Math.abs(word.length - written.length) > MAX_DISTANCE) continue;
    const distance = editDistance(fold(written), fold(word));
    if (distance === 0) return undefined;
    if (distance < bestDistance) [best, bestDistance] = [word, distance];
  }
  return best;
}
