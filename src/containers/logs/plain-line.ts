import type { LogLine } from "./log-line.ts";

const HEAD = Buffer.from('{"log":"');
const TAILS: { stream: LogLine["stream"]; bytes: Buffer }[] = [
  { stream: "stdout", bytes: Buffer.from('\\n","stream":"stdout","time":"') },
  { stream: "stderr", bytes: Buffer.from('\\n","stream":"stderr","time":"') },
];
const TIME_BYTES = "2026-01-01T00:00:00.000000000Z".length;
/** From the backslash of the newline's escape to the line's end. */
const TAIL_BYTES = (TAILS[0]?.bytes.length ?? 0) + TIME_BYTES + '"}'.length;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACE = 0x7d;
const N = 0x6e;

/**
 * Most lines hold no escape but their newline's, as the launcher writes them: their text can be copied without parsing JSON.
 * Returns its stream, or undefined where the line has to be parsed.
 */
export function plainStream(json: Buffer): LogLine["stream"] | undefined {
  const end = json.length - TAIL_BYTES;
  if (end < HEAD.length || json[end + 1] !== N || json.indexOf(BACKSLASH) !== end) return undefined;
  if (json.indexOf(QUOTE, HEAD.length) !== end + 2 || HEAD.compare(json, 0, HEAD.length) !== 0) return undefined;
  if (json[json.length - 1] !== BRACE || json[json.length - 2] !== QUOTE) return undefined;
  for (const { stream, bytes } of TAILS) if (bytes.compare(json, end, end + bytes.length) === 0) return stream;
  return undefined;
}

/** The text of such a line, without its newline: a view. */
export function plainText(json: Buffer): Buffer {
  return json.subarray(HEAD.length, json.length - TAIL_BYTES);
}
