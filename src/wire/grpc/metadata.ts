const PLAIN = /^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/;

/**
 * Metadata with BuildKit's own escape: where a value holds what no header can, all values of its name are percent-encoded, and
 * `<name>-encoded: 1` says so. Names without values are left out. @see BuildKit session/filesync/filesync.go encodeOpts
 */
export function encodeMetadata(values: Record<string, string[]>): Record<string, string[]> {
  const encoded: Record<string, string[]> = {};
  for (const [name, list] of Object.entries(values)) {
    if (list.length === 0) continue;
    const plain = list.every((value) => PLAIN.test(value));
    encoded[name] = plain ? list : list.map((value) => encodeURIComponent(value.toWellFormed()));
    if (!plain) encoded[`${name}-encoded`] = ["1"];
  }
  return encoded;
}
