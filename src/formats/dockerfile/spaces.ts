/** The characters that Go's unicode.IsSpace names. JavaScript's `\s` has U+FEFF in addition and lacks U+0085. */
const SPACE = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

export function isSpace(character: string): boolean {
  return character === " " || (character !== "" && SPACE.test(character));
}

/** Both ends trimmed, as Go's strings.TrimSpace does. */
export function trimSpace(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text[end - 1] as string)) end--;
  return trimLeft(text.slice(0, end));
}

export function trimLeft(text: string): string {
  let start = 0;
  while (start < text.length && isSpace(text[start] as string)) start++;
  return text.slice(start);
}
