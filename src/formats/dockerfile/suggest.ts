import { editDistance } from "../../base/edit-distance.ts";

/** `text (did you mean X?)` where a word within two edits of `written` is known. @see BuildKit util/suggest/error.go */
export function withSuggestion(text: string, written: string, known: readonly string[]): string {
  let best: string | undefined;
  let bestDistance = 3;
  for (const word of known) {
    const distance = editDistance(written.toLowerCase(), word.toLowerCase());
    if (distance === 0) return text;
    if (distance < bestDistance) [best, bestDistance] = [word, distance];
  }
  return best === undefined ? text : `${text} (did you mean ${best}?)`;
}
