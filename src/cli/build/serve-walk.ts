import { createMatcher } from "../../formats/dockerignore/patterns.ts";
import type { MessageStream } from "../../wire/build-channel.ts";
import { MAX_DATA_BYTES } from "../../wire/build-stream.ts";
import { EntryPacker, PIECE_HEADER_BYTES, WALK, WantReader, writePieceHeader } from "../../wire/build-walk.ts";
import type { FileTree } from "./file-tree.ts";
import { inclusionOf } from "./selection.ts";

export interface WalkRequest {
  Include: string[];
  Exclude: string[];
  FollowPaths: string[];
}

/** Tells the daemon what is in a directory, and sends the files that it wants, until it has what it wanted. */
export async function serveWalk(stream: MessageStream, tree: FileTree, request: WalkRequest): Promise<void> {
  const files: (WantedFile | undefined)[] = [];
  const wanted = new Queue<number>();
  const listening = listen(stream, wanted);
  await Promise.all([
    listening,
    tell(stream, tree, { request, files }).then(() => sendFiles(stream, tree, { wanted, files })),
  ]);
}

interface WantedFile {
  path: string;
  sizeBytes: number;
}

async function listen(stream: MessageStream, wanted: Queue<number>): Promise<void> {
  const reader = new WantReader();
  try {
    for await (const message of stream) wanted.add(reader.read(message));
  } finally {
    wanted.close();
  }
}

async function tell(
  stream: MessageStream,
  tree: FileTree,
  { request, files }: { request: WalkRequest; files: (WantedFile | undefined)[] },
): Promise<void> {
  const names = [...request.Include, ...(request.FollowPaths.length === 0 ? [] : tree.follow(request.FollowPaths))];
  const selection = { include: inclusionOf(names), exclude: createMatcher(request.Exclude) };
  const packer = new EntryPacker();
  for (const entry of tree.walk(selection)) {
    files.push(entry.type === "file" ? { path: entry.path, sizeBytes: entry.sizeBytes } : undefined);
    const message = packer.add(entry);
    if (message === undefined) continue;
    await stream.send(message);
    await Bun.sleep(0); // what the daemon wants is read meanwhile
  }
  const last = packer.flush();
  if (last !== undefined) await stream.send(last);
  await stream.send(new Uint8Array([WALK.done]));
}

async function sendFiles(
  stream: MessageStream,
  tree: FileTree,
  { wanted, files }: { wanted: Queue<number>; files: (WantedFile | undefined)[] },
): Promise<void> {
  const message = new PieceMessage(stream);
  for (;;) {
    const index = wanted.take();
    if (index !== undefined) {
      const file = files[index];
      if (file === undefined) throw new Error(`the daemon asks for file ${index}, which is none`);
      await sendFile(message, tree, { index, ...file });
      continue;
    }
    await message.flush();
    if (!(await wanted.wait())) return;
  }
}

/** As many bytes as were told: a file that grows is cut, one that shrinks is filled up. */
async function sendFile(
  message: PieceMessage,
  tree: FileTree,
  { index, path, sizeBytes }: WantedFile & { index: number },
): Promise<void> {
  const file = tree.open(path);
  try {
    let left = sizeBytes;
    do {
      const length = Math.min(left, await message.room(left));
      message.add({ index, bytes: length, last: length === left }, (buffer, at) => {
        for (let done = 0; done < length; ) {
          const count = file.read(buffer, at + done, length - done);
          if (count === 0) buffer.fill(0, at + done, at + length);
          done += count === 0 ? length - done : count;
        }
      });
      left -= length;
    } while (left > 0);
  } finally {
    file.close();
  }
}

/** A piece shorter than this is not begun at the end of a message, unless it is the whole file. */
const MIN_PIECE_BYTES = 4096;

/** Pieces of files, many small ones in one message. */
class PieceMessage {
  readonly #stream: MessageStream;
  readonly #buffer = new Uint8Array(MAX_DATA_BYTES);
  #length = 1;

  constructor(stream: MessageStream) {
    this.#stream = stream;
    this.#buffer[0] = WALK.pieces;
  }

  /** How many bytes the next piece may have; a full message is sent. */
  async room(wantedBytes: number): Promise<number> {
    const left = MAX_DATA_BYTES - this.#length - PIECE_HEADER_BYTES;
    if (left >= Math.min(wantedBytes, MIN_PIECE_BYTES)) return left;
    await this.flush();
    return MAX_DATA_BYTES - this.#length - PIECE_HEADER_BYTES;
  }

  add(piece: { index: number; bytes: number; last: boolean }, fill: (buffer: Uint8Array, at: number) => void): void {
    const at = writePieceHeader(this.#buffer, this.#length, piece);
    fill(this.#buffer, at);
    this.#length = at + piece.bytes;
  }

  async flush(): Promise<void> {
    if (this.#length === 1) return;
    await this.#stream.send(this.#buffer.subarray(0, this.#length));
    this.#length = 1;
  }
}

/** First in, first out. Bounded by what can be asked for: the entries that were told. */
class Queue<T> {
  #items: T[] = [];
  #next = 0;
  #closed = false;
  #wake: (() => void) | undefined;

  add(items: Iterable<T>): void {
    for (const item of items) this.#items.push(item);
    this.#wake?.();
  }

  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  take(): T | undefined {
    if (this.#next < this.#items.length) return this.#items[this.#next++];
    [this.#items, this.#next] = [[], 0];
    return undefined;
  }

  /** False when nothing comes any more. */
  async wait(): Promise<boolean> {
    while (this.#items.length === 0 && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#items.length > 0;
  }
}
