import { expect, test } from "bun:test";
import { messageOf } from "../../../base/errors.ts";
import { eventBatches } from "./event-batches.ts";

async function* of<T>(values: T[]): AsyncGenerator<T> {
  yield* values;
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of source) all.push(one);
  return all;
}

test("what is there at once comes together, in order, up to a limit", async () => {
  const numbers = Array.from({ length: 200 }, (_, index) => index);
  const batches = await collect(eventBatches(of(numbers)));
  expect(batches.flat()).toEqual(numbers);
  expect(batches.length).toBeLessThanOrEqual(4);
  expect(Math.max(...batches.map((batch) => batch.length))).toBe(64);
});

test("much output is cut into several", async () => {
  const sizes = Array.from({ length: 40 }, () => 100_000);
  const batches = await collect(eventBatches(of(sizes), (size) => size));
  expect(batches.map((batch) => batch.length)).toEqual([11, 11, 11, 7]);
});

test("nothing waits for what comes later", async () => {
  const later = Promise.withResolvers<number>();
  async function* slow() {
    yield 1;
    yield await later.promise;
  }
  const batches = eventBatches(slow());
  expect((await batches.next()).value).toEqual([1]);
  later.resolve(2);
  expect((await batches.next()).value).toEqual([2]);
  expect((await batches.next()).done).toBe(true);
});

test("an error of the source comes after what was before it", async () => {
  async function* broken() {
    yield 1;
    throw new Error("broken");
  }
  const batches = eventBatches(broken());
  const seen: unknown[] = [];
  const read = async () => {
    for await (const batch of batches) seen.push(batch);
  };
  expect(await read().catch(messageOf)).toBe("broken");
  expect(seen).toEqual([[1]]);
});

test("ended early, it ends its source", async () => {
  let ended = false;
  async function* source() {
    try {
      for (let at = 0; ; at++) yield at;
    } finally {
      ended = true;
    }
  }
  for await (const _ of eventBatches(source())) break;
  expect(ended).toBe(true);
});
