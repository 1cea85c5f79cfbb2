import type { LogsRequest } from "../containers.ts";
import {
  FRAME_HEADER_BYTES,
  type LogLine,
  parseLogLine,
  type RenderOptions,
  renderLogLine,
  timeMs,
  writeFrameHeader,
} from "./log-line.ts";
import { plainStream, plainText } from "./plain-line.ts";

/** Rendered bytes are handed over in pieces of about this size. */
const PIECE_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

export type LogSelection = Pick<LogsRequest, "stdout" | "stderr" | "since" | "until">;

/** The bytes for the client: what is selected of the lines, one frame each. Ends at the first line after `until`. */
export async function* renderLines(
  chunks: AsyncIterable<Buffer[]>,
  selection: LogSelection,
  options: RenderOptions,
): AsyncGenerator<Uint8Array> {
  const untilMs = selection.until?.getTime() ?? Number.POSITIVE_INFINITY;
  const sinceMs = selection.since?.getTime() ?? Number.NEGATIVE_INFINITY;
  const isTimed = selection.since !== undefined || selection.until !== undefined;
  const mayCopy = !isTimed && !options.timestamps && options.details === undefined;
  const piece = new Piece();
  for await (const chunk of chunks) {
    for (const json of chunk) {
      const stream = mayCopy ? plainStream(json) : undefined;
      if (stream !== undefined) {
        if (!selection[stream]) continue;
        const text = plainText(json);
        const full = piece.reserve(FRAME_HEADER_BYTES + text.length + 1);
        if (full !== undefined) yield full;
        piece.putText(text, options.tty ? undefined : stream);
        continue;
      }
      const line = parseLogLine(json);
      if (line === undefined) continue;
      const time = isTimed ? timeMs(line.time) : 0;
      if (time > untilMs) {
        yield* piece.rest();
        return;
      }
      if (time < sinceMs || !selection[line.stream]) continue;
      const rendered = renderLogLine(line, options);
      const full = piece.reserve(rendered.length);
      if (full !== undefined) yield full;
      piece.put(rendered);
    }
    yield* piece.rest();
  }
}

/** Rendered lines on their way into one write. */
class Piece {
  #buffer = Buffer.alloc(0);
  #used = 0;

  /** Makes room for so many bytes. Returns what had to give way: the caller sends it. */
  reserve(bytes: number): Uint8Array | undefined {
    if (this.#used + bytes <= this.#buffer.length) return undefined;
    const [full] = this.rest();
    this.#buffer = Buffer.allocUnsafe(Math.max(PIECE_BYTES, bytes));
    return full;
  }

  /** A line without its newline, as a frame of `stream` if that is given. */
  putText(text: Buffer, stream: LogLine["stream"] | undefined): void {
    if (stream !== undefined) {
      writeFrameHeader(this.#buffer, this.#used, { stream, length: text.length + 1 });
      this.#used += FRAME_HEADER_BYTES;
    }
    this.put(text);
    this.#buffer[this.#used++] = NEWLINE;
  }

  put(bytes: Buffer): void {
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /** What is there, if anything. Its memory is not written to again. */
  rest(): [Uint8Array] | [] {
    const rest = this.#buffer.subarray(0, this.#used);
    this.#buffer = this.#buffer.subarray(this.#used);
    this.#used = 0;
    return rest.length === 0 ? [] : [rest];
  }
}
