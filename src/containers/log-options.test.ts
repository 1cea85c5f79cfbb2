import { expect, test } from "bun:test";
import { parseLogOptions } from "./log-options.ts";

const MEBIBYTE = 1024 * 1024;

test.each([
  [{}, { maxBytes: 20_000_000, maxFiles: 5 }],
  [{ "max-size": "10m" }, { maxBytes: 10 * MEBIBYTE, maxFiles: 5 }],
  [
    { "max-size": "1.5k", "max-file": "2" },
    { maxBytes: 1536, maxFiles: 2 },
  ],
  [{ "max-size": "-1" }, { maxBytes: Number.MAX_SAFE_INTEGER, maxFiles: 5 }],
  [{ "max-size": "100" }, { maxBytes: 100, maxFiles: 5 }],
] as [Record<string, string>, object][])("json-file with %j", (options, limits) => {
  expect(parseLogOptions({ driver: "", options })).toEqual(limits as never);
});

test.each([
  ["json-file", { "max-file": "0" }, "max-file cannot be less than 1"],
  ["json-file", { "max-size": "0" }, "max-size must be a positive number"],
  ["json-file", { "max-size": "much" }, "invalid size: 'much'"],
  ["json-file", { colour: "red" }, "unknown log opt 'colour' for json-file log driver"],
  ["syslog", {}, "logger: no log driver named 'syslog' is registered"],
] as [string, Record<string, string>, string][])("refuses %s with %j", (driver, options, text) => {
  expect(() => parseLogOptions({ driver, options })).toThrow(text);
});

test("none keeps nothing", () => {
  expect(parseLogOptions({ driver: "none", options: {} })).toBeUndefined();
});
