import { expect, test } from "bun:test";
import { cleanPath } from "./clean-path.ts";

test.each([
  ["", "."],
  [".", "."],
  ["./", "."],
  ["a", "a"],
  ["a/", "a"],
  ["./a//b/.", "a/b"],
  ["a/../b", "b"],
  ["a/..", "."],
  ["a/../..", ".."],
  ["../../a/", "../../a"],
  ["/", "/"],
  ["//", "/"],
  ["/..", "/"],
  ["/a/./b//c/..", "/a/b"],
  ["/../a/", "/a"],
])("%j is %j", (path, clean) => {
  expect(cleanPath(path)).toBe(clean);
});
