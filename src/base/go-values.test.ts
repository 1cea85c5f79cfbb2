import { expect, test } from "bun:test";
import { parseBytes, parseDuration, parseInteger, parseNanoCpus } from "./go-values.ts";

function messageOf(act: () => unknown): string {
  try {
    return `no failure, but ${String(act())}`;
  } catch (error) {
    return (error as Error).message;
  }
}

test.each([
  ["512m", 536870912],
  ["1.5GiB", 1610612736],
  ["64kb", 65536],
  ["100", 100],
  ["1b", 1],
  ["1 g", 1073741824],
  [".5k", 512],
])("%s is a size in powers of 1024", (text, bytes) => {
  expect(parseBytes(text)).toBe(bytes);
});

test.each([
  ["z", "invalid size: 'z'"],
  ["5z", "invalid suffix: 'z'"],
  ["-5", "invalid size: '-5'"],
  ["1kbb", "invalid suffix: 'kbb'"],
  ["1.1.1", 'strconv.ParseFloat: parsing "1.1.1": invalid syntax'],
])("%s is no size", (text, message) => {
  expect(messageOf(() => parseBytes(text))).toBe(message);
});

test.each([
  ["5s", 5e9],
  ["1m30s", 90e9],
  ["1.5h", 5400e9],
  ["-2ms", -2e6],
  ["0", 0],
])("%s is a duration", (text, ns) => {
  expect(parseDuration(text)).toBe(ns);
});

test("durations fail in Go's words", () => {
  expect(messageOf(() => parseDuration("5"))).toBe('time: missing unit in duration "5"');
  expect(messageOf(() => parseDuration("5x"))).toBe('time: unknown unit "x" in duration "5x"');
  expect(messageOf(() => parseDuration(""))).toBe('time: invalid duration ""');
});

test("integers take Go's bases and keep to their bits", () => {
  expect(parseInteger("0x10", { bits: 64, signed: true })).toBe(16);
  expect(parseInteger("010", { bits: 64, signed: true })).toBe(8);
  const range = 'strconv.ParseUint: parsing "99999": value out of range';
  expect(messageOf(() => parseInteger("99999", { bits: 16, signed: false }))).toBe(range);
});

test("CPUs are exact to a billionth", () => {
  expect(parseNanoCpus("1.5")).toBe(1_500_000_000);
  expect(parseNanoCpus("1/2")).toBe(500_000_000);
  expect(messageOf(() => parseNanoCpus("x"))).toBe("failed to parse x as a rational number");
  expect(messageOf(() => parseNanoCpus("1.2345678901"))).toBe("value is too precise");
});
