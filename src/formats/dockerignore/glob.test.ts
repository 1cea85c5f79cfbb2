import { expect, test } from "bun:test";
import { matchGlob } from "./glob.ts";

test.each<[string, string, boolean]>([
  ["", "", true],
  ["", "a", false],
  ["abc", "abc", true],
  ["*", "", true],
  ["*", "abc", true],
  ["*c", "abc", true],
  ["a*", "a", true],
  ["a*", "ab/c", false],
  ["a*/b", "abc/b", true],
  ["a*/b", "a/c/b", false],
  ["a*b*c*d", "axbxcxdxd", true],
  ["a*b*c*d", "axbxcxdxe", false],
  ["a*b?c*x", "abxbbxdbxebxczzx", true],
  ["a*b?c*x", "abxbbxdbxebxczzy", false],
  ["ab[c]", "abc", true],
  ["ab[b-d]", "abc", true],
  ["ab[e-g]", "abc", false],
  ["ab[^c]", "abc", false],
  ["ab[^e-g]", "abc", true],
  ["a\\*b", "a*b", true],
  ["a\\*b", "ab", false],
  ["a?b", "a☺b", true],
  ["a[^a]b", "a☺b", true],
  ["a???b", "a☺b", false],
  ["a?b", "a/b", false],
  ["[a-ζ]*", "α", true],
  ["*[a-ζ]", "A", false],
  ["[\\-x]", "-", true],
  ["[x\\-]", "x", true],
  ["[x\\-]", "z", false],
  ["**", "abc", true],
  ["*x", "xxx", true],
  ["a**/b", "ac/b", true],
])("%s and %s: %p", (pattern, name, expected) => {
  expect(matchGlob(pattern, name)).toBe(expected);
});

test.each(["[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "[", "[^", "[^bc", "a[", "a\\", "[a-", "[\\"])(
  "%s is no pattern, also where the name does not fit",
  (pattern) => {
    expect(() => matchGlob(pattern, "q")).toThrow(`syntax error in pattern: ${pattern}`);
  },
);
