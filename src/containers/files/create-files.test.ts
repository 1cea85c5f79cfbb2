import { expect, test } from "bun:test";
import { absolutePath } from "./create-files.ts";

test.each([
  ["/a/b", "/a/b"],
  ["a", "/a"],
  [".", "/."],
  ["/", "/"],
  ["//a//b/", "/a/b/"],
  ["/a/.", "/a/."],
  ["/a/./b/../c", "/a/c"],
  ["../../etc", "/etc"],
  ["/a/..", "/"],
  ["/.", "/."],
  ["a/../", "/"],
])("%j is %j in the container", (given, expected) => {
  expect(absolutePath(given)).toBe(expected);
});

test("a NUL is no part of a path", () => {
  expect(() => absolutePath("/a\0b")).toThrow("NUL");
});
