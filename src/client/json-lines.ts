/** Longest single JSON value of a progress or event stream. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** Sees each value with its text; see JSON.parse. */
type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown;

/** The JSON values of a stream with one value a line (`\n` or `\r\n`; record separators of RFC 7464 are skipped). */
export async function* jsonLines<T>(
  stream: AsyncIterable<Uint8Array>,
  reviver?: Reviver,
): AsyncGenerator<T, void, undefined> {
  // The third argument of a reviver is newer than the type definitions.
  const parse = (text: string) =>
    JSON.parse(text, reviver as ((key: string, value: unknown) => unknown) | undefined) as unknown;
  const decoder = new TextDecoder();
  let pending = "";
  for await (const chunk of stream) {
    const lines = (pending + decoder.decode(chunk, { stream: true })).split("\n");
    pending = lines.pop() ?? "";
    if (pending.length > MAX_LINE_BYTES) throw new Error("a line of the daemon's stream is too long");
    for (const line of lines) {
      const text = trimmed(line);
      if (text !== "") yield parse(text) as T;
    }
  }
  const last = trimmed(pending);
  if (last !== "") yield parse(last) as T;
}

const RECORD_SEPARATOR = "\u001e";

function trimmed(line: string): string {
  return (line.startsWith(RECORD_SEPARATOR) ? line.slice(1) : line).trim();
}
