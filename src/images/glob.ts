/**
 * Go's `path.Match`: `*` and `?` stop at slashes, `[a-z]` and `[^a]` are classes, `\` quotes. A malformed pattern matches nothing.
 * Time grows with pattern times text, whatever the pattern: a filter comes from anybody who can reach the API.
 */
export function globMatch(pattern: string, text: string): boolean {
  let [at, index] = [0, 0];
  let retry: { at: number; index: number } | undefined;
  while (index < text.length || at < pattern.length) {
    if (pattern[at] === "*") {
      retry = { at: at + 1, index };
      at++;
      continue;
    }
    const length = index < text.length ? matchOne(pattern, at, text[index] as string) : 0;
    if (length > 0) {
      at += length;
      index++;
    } else if (retry !== undefined && retry.index < text.length && text[retry.index] !== "/") {
      retry.index++;
      [at, index] = [retry.at, retry.index];
    } else {
      return false;
    }
  }
  return true;
}

/** Characters of the pattern that stand for `character`; 0: they do not. */
function matchOne(pattern: string, at: number, character: string): number {
  switch (pattern[at]) {
    case undefined:
      return 0;
    case "?":
      return character === "/" ? 0 : 1;
    case "\\":
      return pattern[at + 1] === character ? 2 : 0;
    case "[":
      return matchClass(pattern, at, character);
    default:
      return pattern[at] === character ? 1 : 0;
  }
}

function matchClass(pattern: string, start: number, character: string): number {
  let at = start + 1;
  const negated = pattern[at] === "^";
  if (negated) at++;
  let matched = false;
  for (let first = true; first || pattern[at] !== "]"; first = false) {
    const low = pattern[at];
    if (low === undefined) return 0;
    const isRange = pattern[at + 1] === "-" && pattern[at + 2] !== undefined && pattern[at + 2] !== "]";
    const high = isRange ? (pattern[at + 2] as string) : low;
    if (low <= character && character <= high) matched = true;
    at += isRange ? 3 : 1;
  }
  return matched === negated ? 0 : at + 1 - start;
}
