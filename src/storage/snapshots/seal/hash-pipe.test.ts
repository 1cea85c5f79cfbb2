import { expect, test } from "bun:test";
import { CHUNK_BYTES } from "../pack/tar-writer.ts";
import { breakHashPipe, createHashPipe, HashPipeWriter, hashFromPipe } from "./hash-pipe.ts";

const neverStart = () => {
  throw new Error("started");
};

/** The thread beside is one of ours that has all of the pipe's code; Atomics make this one wait for it. */
function startThread(pipe: ReturnType<typeof createHashPipe>): Worker {
  const worker = new Worker(new URL("./hash-worker.ts", import.meta.url));
  worker.postMessage(pipe);
  return worker;
}

function write(writer: HashPipeWriter, chunks: number, last: number): string {
  const expected = new Bun.CryptoHasher("sha256");
  for (let at = 1; at <= chunks; at++) {
    const length = at === chunks ? last : CHUNK_BYTES;
    const room = writer.begin();
    expect(room.length).toBe(CHUNK_BYTES);
    room.fill(at % 251);
    expected.update(room.slice(0, length));
    writer.emit(length);
  }
  return expected.digest("hex");
}

test.each([0, 1, 8])("what has room in the pipe is hashed here: %d chunks", (chunks) => {
  const writer = new HashPipeWriter(createHashPipe(), { check: () => {}, start: neverStart });
  const expected = write(writer, chunks, 700);
  expect(writer.digest()).toBe(expected);
});

test.each([9, 100])("more is hashed by another thread while it comes: %d chunks", (chunks) => {
  const pipe = createHashPipe();
  const threads: Worker[] = [];
  const writer = new HashPipeWriter(pipe, { check: () => {}, start: () => void threads.push(startThread(pipe)) });
  const expected = write(writer, chunks, 1);
  expect(writer.digest()).toBe(expected);
  expect(threads).toHaveLength(1);
  for (const thread of threads) thread.terminate();
});

test("whoever waits for a thread that never comes is told when nobody wants it any more, or it has failed", () => {
  const pipe = createHashPipe();
  let isWanted = true;
  const check = () => {
    if (!isWanted) throw new Error("cancelled");
  };
  const writer = new HashPipeWriter(pipe, { check, start: () => {} });
  write(writer, 8, CHUNK_BYTES);
  isWanted = false;
  expect(() => writer.begin()).toThrow("cancelled");
  isWanted = true;
  breakHashPipe(pipe);
  expect(() => writer.begin()).toThrow("the hashing thread has failed");
  expect(() => writer.digest()).toThrow();
});

test("a thread ends when the other end gives up", () => {
  const pipe = createHashPipe();
  breakHashPipe(pipe);
  hashFromPipe(pipe);
  expect([...pipe.digest]).toEqual(Array.from(pipe.digest, () => 0));
});
