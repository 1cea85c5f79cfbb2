import { expect, test } from "bun:test";
import { comparePaths } from "./path-order.ts";

test("paths are ordered as a walk meets them, names by their bytes", () => {
  const ordered = ["a", "a/b", "a/b/c", "a/z", "a-b", "a.txt", "aa", "b", "ü", "\u{e000}", "\u{ffff}", "\u{1f600}"];
  expect([...ordered].reverse().sort(comparePaths)).toEqual(ordered);
  const byBytes = ["ü", "\u{e000}", "\u{ffff}", "\u{1f600}"].map((name) => Buffer.from(name));
  expect([...byBytes].sort((one, other) => one.compare(other))).toEqual(byBytes);
  expect(comparePaths("a/b", "a/b")).toBe(0);
});
