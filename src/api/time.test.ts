import { expect, test } from "bun:test";
import { formatTime, humanDuration, ZERO_TIME } from "./time.ts";

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;

const durations: [number, string][] = [
  [999, "Less than a second"],
  [SECOND, "1 second"],
  [59 * SECOND, "59 seconds"],
  [60 * SECOND, "About a minute"],
  [2 * 60 * SECOND, "2 minutes"],
  [59 * 60 * SECOND, "59 minutes"],
  [HOUR, "About an hour"],
  [1.6 * HOUR, "2 hours"],
  [47 * HOUR, "47 hours"],
  [2 * DAY, "2 days"],
  [13 * DAY, "13 days"],
  [14 * DAY, "2 weeks"],
  [59 * DAY, "8 weeks"],
  [60 * DAY, "2 months"],
  [729 * DAY, "24 months"],
  [730 * DAY, "2 years"],
];

test.each(durations)("%d ms is %s", (ms, text) => {
  expect(humanDuration(ms)).toBe(text);
});

test("times have no trailing zeroes, never is Go's zero", () => {
  expect(formatTime(new Date("2026-01-02T03:04:05.120Z"))).toBe("2026-01-02T03:04:05.12Z");
  expect(formatTime(new Date("2026-01-02T03:04:00.000Z"))).toBe("2026-01-02T03:04:00Z");
  expect(formatTime(undefined)).toBe(ZERO_TIME);
});
