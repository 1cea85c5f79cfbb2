import type { Connection } from "../../client/http/connection.ts";
import { Demultiplexer, STDERR, STDOUT, SYSTEM_ERROR } from "../../wire/stdcopy.ts";
import type { Io } from "../io.ts";

/** Copies a container's output to ours until it ends. `raw`: a terminal's, one stream without frames. */
export async function copyOutput(connection: Connection, raw: boolean, io: Io): Promise<void> {
  const demux = new Demultiplexer();
  for (let chunk = await connection.read(); chunk !== undefined; chunk = await connection.read()) {
    if (raw) await io.out(chunk);
    else await writeFrames(demux, chunk, io);
  }
}

/** The same for an ordinary response body (logs). */
export async function copyBody(body: AsyncIterable<Uint8Array>, raw: boolean, io: Io): Promise<void> {
  const demux = new Demultiplexer();
  for await (const chunk of body) {
    if (raw) await io.out(chunk);
    else await writeFrames(demux, chunk, io);
  }
}

/** One write for neighbouring pieces of the same stream: small frames would cost a system call each. */
async function writeFrames(demux: Demultiplexer, chunk: Uint8Array, io: Io): Promise<void> {
  let stream = STDOUT;
  let pieces: Uint8Array[] = [];
  const flush = async () => {
    const [first] = pieces;
    if (first === undefined) return;
    const data = pieces.length === 1 ? first : Buffer.concat(pieces);
    pieces = [];
    if (stream === SYSTEM_ERROR) throw new Error(`error from daemon in stream: ${new TextDecoder().decode(data)}`);
    await (stream === STDERR ? io.err(data) : io.out(data));
  };
  for (const piece of demux.push(chunk)) {
    if (piece.stream !== stream) {
      await flush();
      stream = piece.stream;
    }
    pieces.push(piece.data);
  }
  await flush();
}

/** Thrown out of `copyInput` when the user typed the detach keys. */
export class Detached extends Error {
  constructor() {
    super("read escape sequence");
  }
}

/** Copies our input to the container's, then closes that side. `detachKeys` (bytes): only for terminals. */
export async function copyInput(
  input: AsyncIterable<Uint8Array>,
  connection: Connection,
  detachKeys?: Uint8Array,
): Promise<void> {
  const filter = detachKeys === undefined ? undefined : createDetachFilter(detachKeys);
  for await (const chunk of input) {
    const data = filter === undefined ? { bytes: chunk, detached: false } : filter(chunk);
    if (data.bytes.byteLength > 0) await connection.write(data.bytes);
    if (data.detached) throw new Detached();
  }
  connection.closeWrite();
}

/** Holds back a beginning of the sequence until it is clear whether the rest follows, over chunk borders. */
export function createDetachFilter(keys: Uint8Array): (chunk: Uint8Array) => { bytes: Uint8Array; detached: boolean } {
  let matched = 0;
  return (chunk) => {
    const passed: number[] = [];
    for (const byte of chunk) {
      if (byte === keys[matched]) {
        matched++;
        if (matched === keys.byteLength) return { bytes: Uint8Array.from(passed), detached: true };
        continue;
      }
      passed.push(...keys.subarray(0, matched));
      matched = 0;
      if (byte === keys[0]) matched = 1;
      else passed.push(byte);
    }
    return { bytes: Uint8Array.from(passed), detached: false };
  };
}

export const DEFAULT_DETACH_KEYS = "ctrl-p,ctrl-q";

/** `ctrl-p,ctrl-q`, `ctrl-@`, `a`: one byte each. Throws in Docker's words. */
export function parseDetachKeys(text: string): Uint8Array {
  const bytes = text.split(",").map((key) => {
    if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
    const control = /^ctrl-([a-z@[\\\]^_])$/i.exec(key)?.[1];
    if (control === undefined) throw new Error(`Unknown character: '${key}'`);
    return control === "@" ? 0 : control.toUpperCase().charCodeAt(0) - 64;
  });
  return Uint8Array.from(bytes);
}
