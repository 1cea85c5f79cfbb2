import { expect, test } from "bun:test";
import { until } from "../../../test/harness/until.ts";
import type { CliContext } from "../command.ts";
import { openLiveArea } from "./live-area.ts";

/** A context with a terminal whose size the test sets; what is written is kept. */
function fakeContext(size: [rows: number, columns: number], environment: Record<string, string> = {}) {
  const state = {
    written: [] as string[],
    size,
    cleanups: new Set<() => Promise<void>>(),
    resized: new Set<() => void>(),
  };
  const add = <T>(set: Set<T>, item: T) => {
    set.add(item);
    return () => void set.delete(item);
  };
  const context = {
    environment,
    io: { out: async (text: string) => void state.written.push(text), err: async () => undefined },
    onInterrupt: (cleanup: () => Promise<void>) => add(state.cleanups, cleanup),
    terminal: async () => ({
      outputIsTerminal: true,
      errorIsTerminal: false,
      sizeOf: () => state.size,
      onResize: (listener: () => void) => add(state.resized, listener),
    }),
  };
  return { state, context: context as unknown as CliContext };
}

const drawn = (state: { written: string[] }, count: number) =>
  until(`${count} writes`, () => (state.written.length >= count ? true : undefined));

test("a terminal that became narrower has wrapped what it shows: the next frame begins above all of it", async () => {
  const { state, context } = fakeContext([24, 100]);
  const lines = ["x".repeat(90), "y".repeat(30), ""];
  const area = await openLiveArea(context, { output: "out", hidden: false, render: () => lines });
  area.changed();
  await drawn(state, 1);
  state.size = [24, 40];
  for (const listener of state.resized) listener();
  await drawn(state, 2);
  // 90 characters take three rows of 40, 30 take one, none takes one: the last of five rows is four below the first.
  expect(state.written[1]).toStartWith("\u001b[4A\r");
  await area.end();
});

test("lines and rows are asked for with one column and one row to spare, and a size that is not told is 80 by 24", async () => {
  const asked: number[][] = [];
  const render = (columns: number, rows: number) => {
    asked.push([columns, rows]);
    return ["a"];
  };
  for (const size of [
    [10, 50],
    [0, 0],
  ] as [number, number][]) {
    const { state, context } = fakeContext(size);
    const area = await openLiveArea(context, { output: "out", hidden: false, render });
    area.changed();
    await drawn(state, 1);
    await area.end();
  }
  expect(asked.slice(0, 2)).toEqual([
    [49, 9],
    [79, 23],
  ]);
});

test("many changes are ten frames a second, and the last of them is seen", async () => {
  const { state, context } = fakeContext([24, 80]);
  let value = 0;
  const area = await openLiveArea(context, { output: "out", hidden: false, render: () => [String(value)] });
  const from = performance.now();
  while (performance.now() - from < 350) {
    value++;
    area.changed();
    await new Promise(setImmediate);
  }
  const last = String(value);
  await until("the last is seen", () => (state.written.at(-1)?.includes(last) ? true : undefined));
  expect(value).toBeGreaterThan(20);
  expect(state.written.length).toBeLessThanOrEqual((performance.now() - from) / 100 + 2);
  await area.end();
});

test("what is written above takes the area away first; the end gives everything back, once", async () => {
  const { state, context } = fakeContext([24, 80]);
  const area = await openLiveArea(context, { output: "out", hidden: false, render: () => ["one", "two"] });
  area.changed();
  await drawn(state, 1);
  await area.above(() => context.io.out("text\n"));
  expect(state.written.slice(1)).toEqual(["\u001b[1A\r\u001b[K\u001b[J", "text\n"]);
  await Promise.all([area.end(), area.end()]);
  area.changed();
  expect(state.written.slice(3)).toEqual(["\u001b[?25h"]);
  expect([state.cleanups.size, state.resized.size]).toEqual([0, 0]);
});

test("an interrupt takes it away; a text that cannot be written is the writer's error, and stops nothing", async () => {
  const { state, context } = fakeContext([24, 80]);
  const area = await openLiveArea(context, { output: "out", hidden: false, render: () => ["one"] });
  const failure = await area.above(() => Promise.reject(new Error("EPIPE"))).catch((error: Error) => error.message);
  expect(failure).toBe("EPIPE");
  area.changed();
  await drawn(state, 1);
  for (const cleanup of state.cleanups) await cleanup();
  expect(state.written.at(-1)).toBe("\r\u001b[K\u001b[J\u001b[?25h");
});

test.each([
  [{ output: "err" as const, hidden: false }, {}],
  [{ output: "out" as const, hidden: true }, {}],
  [{ output: "out" as const, hidden: false }, { TERM: "dumb" }],
])("%o with %o draws nothing", async (options, environment) => {
  const { state, context } = fakeContext([24, 80], environment);
  const area = await openLiveArea(context, { ...options, render: () => ["one"] });
  expect(area.visible).toBe(false);
  area.changed();
  await area.above(() => context.io.out("text\n"));
  await area.end();
  expect(state.written).toEqual(["text\n"]);
  expect([state.cleanups.size, state.resized.size]).toEqual([0, 0]);
});
