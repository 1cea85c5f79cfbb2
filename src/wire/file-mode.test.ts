import { expect, test } from "bun:test";
import { GO_MODE, hasGoMode, toGoMode } from "./file-mode.ts";

/** Values that Go prints for os.FileMode of the same files. */
test.each([
  ["a file", 0o100644, 0o644],
  ["a directory", 0o040755, 2147484141],
  ["a link", 0o120777, 134218239],
  ["a sticky directory", 0o041777, 2148532735],
  ["a set-uid program", 0o104755, 8389101],
  ["a set-gid directory", 0o042755, 2151678445],
  ["a character device", 0o020666, 69206454],
  ["a block device", 0o060660, 67109296],
  ["a pipe", 0o010644, 33554852],
  ["a socket", 0o140755, 16777709],
])("%s", (_what, mode, expected) => {
  expect(toGoMode(mode)).toBe(expected);
});

test("single bits are found again, the highest too", () => {
  expect(hasGoMode(toGoMode(0o040755), GO_MODE.directory)).toBe(true);
  expect(hasGoMode(toGoMode(0o120777), GO_MODE.directory)).toBe(false);
  expect(hasGoMode(toGoMode(0o120777), GO_MODE.symlink)).toBe(true);
});
