import { describe, expect, test } from "bun:test";
import { toGoMode } from "../file-mode.ts";
import { compareNames, EntryOrder, fileTypeOf, kernelMode, permissionsOf } from "./file-entry.ts";

describe("types and permissions go through Go's modes and back", () => {
  test.each(["file", "directory", "symlink", "fifo", "character", "block", "socket"] as const)("%s", (type) => {
    for (const permissions of [0, 0o644, 0o4755, 0o2711, 0o1777, 0o7777]) {
      const mode = toGoMode(kernelMode(type, permissions));
      expect([fileTypeOf(mode), permissionsOf(mode)]).toEqual([type, permissions]);
    }
  });

  test("what no file system has is of no type", () => {
    expect(fileTypeOf(2 ** 19)).toBeUndefined();
    expect(fileTypeOf(2 ** 31 + 2 ** 27)).toBeUndefined();
  });
});

describe("the order of names", () => {
  const inOrder: [path: string, isDirectory: boolean][][] = [
    [
      ["a", true],
      ["a/b", false],
      ["a.txt", false],
      ["b", false],
    ],
    [
      ["a", true],
      ["a/b", true],
      ["a/b/c", true],
      ["a/b/c/d", false],
      ["a/z", false],
      ["b", true],
      ["b/a", false],
    ],
    [
      ["A", false],
      ["a", false],
      ["ä", false],
      ["\u{ffee}", false],
      ["\u{1f600}", false],
    ],
  ];
  test.each(inOrder.map((paths) => [paths]))("%j", (paths) => {
    const order = new EntryOrder();
    for (const [path, isDirectory] of paths) order.check(path, isDirectory);
    expect(() => order.check(paths.at(-1)?.[0] ?? "", false)).toThrow("out of order");
  });

  test("bytes decide, not JavaScript's units", () => {
    const names = ["\u{1f600}", "\u{ffee}", "b", "a"];
    expect(names.toSorted(compareNames)).toEqual(["a", "b", "\u{ffee}", "\u{1f600}"]);
    expect(names.toSorted()).not.toEqual(names.toSorted(compareNames));
  });
});
