import { expect, test } from "bun:test";
import { createSystemClock } from "../base/clock.ts";
import { createEventBus, type EngineEvent, matchesFilters } from "./event-bus.ts";

const event = (fields: Partial<EngineEvent>): EngineEvent => ({
  type: "container",
  action: "start",
  actorId: "abc123",
  attributes: { name: "web", image: "nginx:1", role: "front" },
  timeNs: 1n,
  ...fields,
});

test.each([
  ["no filter", {}, true],
  ["event by name", { event: ["start"] }, true],
  ["another event", { event: ["die"] }, false],
  ["alternatives of one name", { event: ["die", "start"] }, true],
  ["names add up", { event: ["start"], type: ["image"] }, false],
  ["container by name", { container: ["web"] }, true],
  ["container by ID prefix", { container: ["abc"] }, true],
  ["container of another name", { container: ["db"] }, false],
  ["image with tag", { image: ["nginx:1"] }, true],
  ["image without tag", { image: ["nginx"] }, true],
  ["label key", { label: ["role"] }, true],
  ["label value", { label: ["role=front"] }, true],
  ["all labels must hold", { label: ["role=front", "x"] }, false],
] as const)("filter: %s", (_name, filters, expected) => {
  expect(matchesFilters(event({}), filters as unknown as Record<string, string[]>)).toBe(expected);
});

test("exec_create: sh is found by the part before the colon", () => {
  expect(matchesFilters(event({ action: "exec_create: sh" }), { event: ["exec_create"] })).toBe(true);
});

test("a subscriber gets kept events from `since`, then live ones, and ends at its signal", async () => {
  const bus = createEventBus(createSystemClock());
  const publish = (action: string) => bus.publish({ type: "container", action, actorId: "x", attributes: {} });
  publish("create");
  const controller = new AbortController();
  const events = bus.subscribe({ sinceNs: 0n, filters: {}, signal: controller.signal });
  publish("start");
  const seen: string[] = [];
  for await (const { action } of events) {
    seen.push(action);
    if (action === "start") publish("die");
    if (action === "die") controller.abort();
  }
  expect(seen).toEqual(["create", "start", "die"]);
  expect(bus.subscriberCount).toBe(0);
});

test("`until` in the past ends the stream after the kept events", async () => {
  const bus = createEventBus(createSystemClock());
  bus.publish({ type: "image", action: "tag", actorId: "x", attributes: {} });
  const until = createSystemClock().nowNs() + 5_000_000n;
  const seen: string[] = [];
  for await (const { action } of bus.subscribe({
    sinceNs: 0n,
    untilNs: until,
    filters: {},
    signal: new AbortController().signal,
  }))
    seen.push(action);
  expect(seen).toEqual(["tag"]);
});

test("a subscriber that does not read is cut off and leaves nothing behind", () => {
  const bus = createEventBus(createSystemClock());
  bus.subscribe({ filters: {}, signal: new AbortController().signal });
  for (let index = 0; index < 20_000; index++)
    bus.publish({ type: "image", action: "tag", actorId: "x", attributes: {} });
  expect(bus.subscriberCount).toBe(0);
});
