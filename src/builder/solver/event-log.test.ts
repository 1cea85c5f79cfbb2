import { expect, test } from "bun:test";
import type { BuildEvent, VertexStatus } from "../events.ts";
import { decodeEvents, encodeEvents } from "./event-lines.ts";
import { EventLog } from "./event-log.ts";
import { createLogClipper, STEP_LOG_BYTES, TAIL_LOG_BYTES } from "./log-clipper.ts";

const at = new Date("2026-01-01T00:00:00Z");
const never = new AbortController().signal;

const vertex = (digest: string, change: Partial<VertexStatus> = {}): BuildEvent => ({
  kind: "vertex",
  vertex: {
    digest,
    inputs: [],
    name: digest,
    startedAt: undefined,
    completedAt: undefined,
    cached: false,
    error: "",
    stage: "",
    step: "",
    ...change,
  },
});
const log = (text: string): BuildEvent => ({ kind: "log", vertex: "v", stream: 1, data: Buffer.from(text), at });
const progress = (id: string, current: number): BuildEvent => ({
  kind: "progress",
  vertex: "v",
  id,
  name: id,
  current,
  total: 0,
  startedAt: at,
  completedAt: undefined,
});

const told = (event: BuildEvent): string =>
  event.kind === "vertex"
    ? `${event.vertex.digest}${event.vertex.startedAt ? " started" : ""}${event.vertex.completedAt ? " completed" : ""}`
    : event.kind === "log"
      ? Buffer.from(event.data).toString()
      : event.kind === "progress"
        ? `${event.id} ${event.current}`
        : event.kind;

async function readAll(events: AsyncIterable<BuildEvent>): Promise<string[]> {
  const found: string[] = [];
  for await (const event of events) found.push(told(event));
  return found;
}

test("a reader gets what has happened, then what happens, to the end", async () => {
  const events = new EventLog();
  events.push(vertex("a"));
  const early = readAll(events.read(never));
  await Promise.resolve();
  events.push(log("x"));
  events.push(vertex("a", { startedAt: at }));
  events.end();
  events.push(log("too late"));
  expect(await early).toEqual(["a", "x", "a started"]);
  expect(await readAll(events.read(never))).toEqual(["a", "x", "a started"]);
});

test("a late reader gets the newest state only, but each vertex before what refers to it", async () => {
  const events = new EventLog();
  for (const event of [
    vertex("a"),
    vertex("a", { startedAt: at }),
    log("x"),
    progress("p", 1),
    progress("q", 1),
    progress("p", 2),
  ])
    events.push(event);
  events.push(vertex("a", { startedAt: at, completedAt: at }));
  events.end();
  expect(await readAll(events.read(never))).toEqual(["a", "x", "q 1", "p 2", "a started completed"]);
});

test("a reader who leaves ends at once, also while nothing happens", async () => {
  const events = new EventLog();
  events.push(vertex("a"));
  const abort = new AbortController();
  const reading = readAll(events.read(abort.signal));
  await Promise.resolve();
  abort.abort();
  expect(await reading).toEqual(["a"]);
});

test("of too much output the oldest goes, for those who come late", async () => {
  const events = new EventLog(10_000);
  events.push(vertex("v"));
  for (let line = 0; line < 20_000; line++) events.push(log(`line ${line}`));
  events.end();
  const lines = await readAll(events.read(never));
  expect(lines[0]).toBe("v");
  expect(lines.at(-1)).toBe("line 19999");
  expect(lines.length).toBeLessThan(50);
  expect(lines.length).toBeGreaterThan(20);
});

test("a reader who keeps up misses nothing, however much it is", async () => {
  const events = new EventLog(10_000);
  const reading = readAll(events.read(never));
  for (let line = 0; line < 3000; line++) {
    events.push(log(`line ${line}`));
    if (line % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  events.end();
  expect((await reading).length).toBe(3000);
});

test("output of a step ends at the limit, says so, and shows its end where the step fails", () => {
  const found: BuildEvent[] = [];
  const clipper = createLogClipper((event) => found.push(event));
  const block = "x".repeat(1 << 16);
  for (let passed = 0; passed < STEP_LOG_BYTES + (1 << 18); passed += block.length) clipper.report(log(block));
  clipper.report(progress("p", 1));
  clipper.report(log("the reason"));
  const text = () =>
    found
      .filter(({ kind }) => kind === "log")
      .map(told)
      .join("");
  expect(text().length).toBeLessThan(STEP_LOG_BYTES + 100);
  expect(text().endsWith("\n[output clipped, log limit 2MiB reached]\n")).toBe(true);
  expect(text().match(/clipped/g)?.length).toBe(1);
  expect(found.at(-1)?.kind).toBe("progress");
  clipper.failed();
  expect(text().endsWith("the reason")).toBe(true);
  expect(text().length).toBeLessThan(STEP_LOG_BYTES + TAIL_LOG_BYTES + 100);
});

test("events on the disk are the same events again; of too many the newest", () => {
  const warning = { rule: "R", description: "", url: "", message: "m", fileName: "F", locations: [], source: "" };
  const events: BuildEvent[] = [
    vertex("a", { startedAt: at, completedAt: at, error: "e" }),
    { kind: "log", vertex: "a", stream: 2, data: new Uint8Array([0, 255, 10]), at },
    progress("p", 3),
    { kind: "warning", vertex: "a", warning },
  ];
  const again = decodeEvents(encodeEvents(events, 1 << 20));
  expect(again.map((event) => (event.kind === "log" ? { ...event, data: new Uint8Array(event.data) } : event))).toEqual(
    events as never,
  );
  const many = Array.from({ length: 100 }, (_, line) => log(`line ${line}`));
  const kept = decodeEvents(encodeEvents(many, 1000)).map(told);
  expect(kept.at(-1)).toBe("line 99");
  expect(kept.length).toBeLessThan(12);
});
