const SLASH = 47;

/**
 * Order of a depth-first walk whose names are in byte order: a directory, then all that it holds, then its next sibling. Negative:
 * `one` comes first.
 */
export function comparePaths(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) {
    const [left, right] = [one.charCodeAt(at), other.charCodeAt(at)];
    if (left !== right) return weight(left) - weight(right);
  }
  return one.length - other.length;
}

/** UTF-16 sorts what is beyond the first plane before U+E000, bytes sort it behind. A slash ends a name. */
function weight(unit: number): number {
  if (unit === SLASH) return 0;
  if (unit < 0xd800) return unit + 1;
  return unit < 0xe000 ? unit + 0x10000 : unit;
}
