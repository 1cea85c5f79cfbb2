const encoder = new TextEncoder();

/** One record of `application/json-seq`: the separator 0x1E, JSON, a line feed. @see RFC 7464 section 2.2 */
export function encodeJsonSeq(value: unknown): Uint8Array {
  return encoder.encode(`\u001e${JSON.stringify(value)}\n`);
}
