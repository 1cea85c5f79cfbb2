import { expect, test } from "bun:test";
import { classifyName } from "./entry-path.ts";
import { MAX_PATH_DEPTH } from "./limits.ts";

const classify = (name: string) => {
  const found = classifyName(Buffer.from(name, "latin1"));
  return found.kind === "ignored" ? found.kind : `${found.kind} ${found.path.toString("latin1")}`;
};

test.each([
  ["", "entry /"],
  [".", "entry /"],
  ["/", "entry /"],
  ["./", "entry /"],
  ["//", "entry /"],
  ["a", "entry /a"],
  ["/a", "entry /a"],
  ["./a", "entry /a"],
  [".//a", "entry /a"],
  ["//a", "entry /a"],
  ["a/b/", "entry /a/b"],
  ["a/b//", "entry /a/b"],
  ["a//b", "entry /a/b"],
  ["a/./b", "entry /a/b"],
  ["a/../b", "entry /b"],
  ["a/b/..", "entry /a"],
  [".git/.x", "entry /.git/.x"],
  ["a/...", "entry /a/..."],
  ["\xff\x80/\xe4", "entry /\xff\x80/\xe4"],
  ["a/.wh.b", "whiteout /a/b"],
  [".wh.b/", "whiteout /b"],
  ["a/.wh.b/c", "entry /a/.wh.b/c"],
  ["a/.wh..wh..opq", "opaque /a"],
  [".wh..wh.plnk", "ignored"],
])("the name %p is %p", (name, expected) => {
  expect(classify(name)).toBe(expected);
});

test.each(["..", "../a", "a/../../b", "./..", "/..", ".wh..", "a/.wh...", ".wh."])("the name %p is refused", (name) => {
  expect(() => classify(name)).toThrow("invalid tar archive");
});

test("a name is as deep as it may be, and no deeper", () => {
  const deepest = Array.from({ length: MAX_PATH_DEPTH }, () => "d").join("/");
  expect(classify(deepest)).toBe(`entry /${deepest}`);
  expect(() => classify(`${deepest}/f`)).toThrow("directories");
  expect(() => classify(`./${deepest}/f/`)).toThrow("directories");
});
