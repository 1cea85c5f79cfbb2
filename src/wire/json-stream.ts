const encoder = new TextEncoder();

/** One message of a progress stream: JSON and `\r\n`, as Docker ends them. */
export function encodeProgressLine(value: unknown): Uint8Array {
  return encoder.encode(`${JSON.stringify(value)}\r\n`);
}

/** One value of `application/x-ndjson`, `application/jsonl` and of the older `application/json` streams. */
export function encodeLine(value: unknown): Uint8Array {
  return encoder.encode(`${JSON.stringify(value)}\n`);
}

/** Longest single value that is put together. */
const MAX_LINE_CHARACTERS = 16 * 1024 * 1024;

/** Cuts a stream of JSON lines into values, however it arrives; empty lines and RFC 7464 separators are passed over. */
export class JsonLines<T> {
  readonly #decoder = new TextDecoder();
  #pending = "";

  /** The values that `chunk` completes. Throws SyntaxError on what is no JSON, RangeError on a line without end. */
  *push(chunk: Uint8Array): Generator<T, void, undefined> {
    const lines = (this.#pending + this.#decoder.decode(chunk, { stream: true })).split("\n");
    this.#pending = lines.pop() ?? "";
    if (this.#pending.length > MAX_LINE_CHARACTERS) throw new RangeError("a line of the stream is too long");
    for (const line of lines) yield* parse<T>(line);
  }

  /** What stands after the last line end. */
  *end(): Generator<T, void, undefined> {
    const rest = this.#pending;
    this.#pending = "";
    yield* parse<T>(rest);
  }
}

function* parse<T>(line: string): Generator<T, void, undefined> {
  const text = line.replaceAll("\u001e", "").trim();
  if (text !== "") yield JSON.parse(text) as T;
}
