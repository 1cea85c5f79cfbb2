/** Longest single JSON value of a progress or event stream. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** The JSON values of a stream with one value a line (`\n` or `\r\n`; record separators of RFC 7464 are skipped). */
export async function* jsonLines<T>(stream: AsyncIterable<Uint8Array>): AsyncGenerator<T, void, undefined> {
  const decoder = new TextDecoder();
  let pending = "";
  for await (const chunk of stream) {
    const lines = (pending + decoder.decode(chunk, { stream: true })).split("\n");
    pending = lines.pop() ?? "";
    if (pending.length > MAX_LINE_BYTES) throw new Error("a line of the daemon's stream is too long");
    for (const line of lines) {
      const text = trimmed(line);
      if (text !== "") yield JSON.parse(text) as T;
    }
  }
  const last = trimmed(pending);
  if (last !== "") yield JSON.parse(last) as T;
}

const RECORD_SEPARATOR = "\u001e";

function trimmed(line: string): string {
  return (line.startsWith(RECORD_SEPARATOR) ? line.slice(1) : line).trim();
}
