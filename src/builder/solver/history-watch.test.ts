import { expect, test } from "bun:test";
import type { HistoryChange, HistoryRecord } from "../builder.ts";
import { HistoryWatch } from "./history-watch.ts";

const change = (ref: string, type: HistoryChange["type"]): HistoryChange => ({
  type,
  record: { ref } as unknown as HistoryRecord,
});

async function take(changes: AsyncIterable<HistoryChange>, count: number): Promise<string[]> {
  const taken: string[] = [];
  for await (const { type, record } of changes) {
    taken.push(`${record.ref} ${type}`);
    if (taken.length === count) break;
  }
  return taken;
}

test("a reader is told of what happens from its call on, the newest of each build", async () => {
  const watch = new HistoryWatch();
  watch.tell(change("before", "started"));
  const changes = watch.changes(new AbortController().signal);
  watch.tell(change("a", "started"));
  watch.tell(change("b", "started"));
  watch.tell(change("a", "completed"));
  expect(await take(changes, 2)).toEqual(["b started", "a completed"]);
});

test("readers wait, and come to their end with their signal", async () => {
  const watch = new HistoryWatch();
  const stop = new AbortController();
  const told = take(watch.changes(stop.signal), 9);
  await Promise.resolve();
  watch.tell(change("a", "deleted"));
  await Promise.resolve();
  stop.abort();
  expect(await told).toEqual(["a deleted"]);
  watch.tell(change("b", "started"));
  expect(await take(watch.changes(AbortSignal.abort()), 1)).toEqual([]);
});

test("who does not read is not told of everything for ever", async () => {
  const watch = new HistoryWatch();
  const stop = new AbortController();
  const changes = watch.changes(stop.signal);
  for (let at = 0; at < 1500; at++) watch.tell(change(`build-${at}`, "started"));
  stop.abort();
  const told = await take(changes, 2000);
  expect([told.length, told[0]]).toEqual([1000, "build-500 started"]);
});
