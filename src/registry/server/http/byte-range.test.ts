import { expect, test } from "bun:test";
import { parseChunkRange, parseRange } from "./byte-range.ts";

test.each<[string | null, ReturnType<typeof parseRange>]>([
  [null, "all"],
  ["bytes=0-", { start: 0, end: 99 }],
  ["bytes=0-0", { start: 0, end: 0 }],
  ["bytes=10-19", { start: 10, end: 19 }],
  ["bytes=90-1000", { start: 90, end: 99 }],
  ["bytes=-10", { start: 90, end: 99 }],
  ["bytes=-1000", { start: 0, end: 99 }],
  ["bytes=-0", "unsatisfiable"],
  ["bytes=100-", "unsatisfiable"],
  ["bytes=100-200", "unsatisfiable"],
  ["bytes=5-2", "all"],
  ["bytes=0-1,5-6", "all"],
  ["bytes=-", "all"],
  ["bytes=1e3-", "all"],
  ["bytes=99999999999999999999-", "all"],
  ["items=0-1", "all"],
])("of 100 bytes, Range %p is %p", (header, expected) => {
  expect(parseRange(header, 100)).toEqual(expected);
});

test("nothing of an empty blob can be asked for", () => {
  expect(parseRange("bytes=0-", 0)).toBe("unsatisfiable");
});

test.each<[string, ReturnType<typeof parseChunkRange>]>([
  ["0-9", { start: 0, end: 9 }],
  ["10-10", { start: 10, end: 10 }],
  ["9-0", undefined],
  ["bytes 0-9/10", undefined],
  ["0-", undefined],
  ["-1-5", undefined],
])("the chunk range %p is %p", (header, expected) => {
  expect(parseChunkRange(header)).toEqual(expected);
});
