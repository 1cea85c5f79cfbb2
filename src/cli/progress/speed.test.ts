import { expect, test } from "bun:test";
import { Speed } from "./speed.ts";

/** Samples every 100 ms; returns the last speed. */
function feed(speed: Speed, fromMs: number, toMs: number, bytesAt: (ms: number) => number): number {
  let last = 0;
  for (let at = fromMs; at <= toMs; at += 100) last = speed.sample(at, bytesAt(at));
  return last;
}

test("an even flow has its speed", () => {
  expect(feed(new Speed(), 0, 10_000, (ms) => ms * 1000)).toBeCloseTo(1e6);
});

test("nothing is said of the first moments", () => {
  const speed = new Speed();
  expect(speed.sample(0, 0)).toBe(0);
  expect(speed.sample(200, 5e6)).toBe(0);
  expect(speed.sample(400, 5e6)).toBeGreaterThan(0);
});

test("what stalls goes to zero within the window, and comes back", () => {
  const speed = new Speed();
  feed(speed, 0, 5000, (ms) => ms * 1000);
  expect(feed(speed, 5100, 8000, () => 5e6)).toBeGreaterThan(0);
  expect(feed(speed, 8100, 11_000, () => 5e6)).toBe(0);
  expect(feed(speed, 11_100, 17_000, (ms) => 5e6 + (ms - 11_000) * 2000)).toBeCloseTo(2e6, -4);
});

test("ten thousand samples in a second are no more than a few", () => {
  const speed = new Speed();
  let last = 0;
  for (let at = 0; at <= 10_000; at++) last = speed.sample(at / 10, at);
  expect(last).toBeGreaterThan(9000);
  expect(last).toBeLessThan(11_000);
});
