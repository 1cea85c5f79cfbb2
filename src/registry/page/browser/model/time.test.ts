import { expect, test } from "bun:test";
import { formatAge, parseTime } from "./time.ts";

const now = new Date("2026-06-15T12:00:00Z");

test.each([
  ["2026-06-15T11:59:30Z", "just now"],
  ["2026-06-15T12:05:00Z", "just now"],
  ["2026-06-15T11:59:00Z", "1 minute ago"],
  ["2026-06-15T10:00:00Z", "2 hours ago"],
  ["2026-06-12T12:00:00Z", "3 days ago"],
  ["2026-06-01T12:00:00Z", "2 weeks ago"],
  ["2026-03-01T12:00:00Z", "3 months ago"],
  ["2024-06-01T12:00:00Z", "2 years ago"],
])("%s is %s", (time, expected) => {
  expect(formatAge(new Date(time), now)).toBe(expected);
});

test("a missing, broken or zero date is no date", () => {
  for (const value of ["", "yesterday", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z"]) {
    expect(parseTime(value)).toBeUndefined();
  }
  expect(parseTime("2026-06-01T12:00:00.123456789Z")).toEqual(new Date("2026-06-01T12:00:00.123Z"));
});
