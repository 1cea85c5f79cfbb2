/** Beyond ASCII, the characters that Go's unicode.IsSpace names. JavaScript's `\s` has U+FEFF in addition and lacks U+0085. */
const WIDE_SPACE = /[\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** Asked for every character of a file, so that the usual ones are told by their number. */
export function isSpace(character: string): boolean {
  const code = character.charCodeAt(0);
  if (code < 0x80) return code === 32 || (code >= 9 && code <= 13);
  return WIDE_SPACE.test(character);
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
