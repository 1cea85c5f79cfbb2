import { expect, test } from "bun:test";
import { checkText } from "./check-text.ts";

const COUNTS = { Blobs: 3, BlobBytes: 1500, Layers: 1, Images: 2 };
const PROBLEM = { Kind: "damaged", Object: "blob sha256:a", Fault: "is missing", Repaired: false };

test("a sound store is told in one line", () => {
  expect(checkText({ ...COUNTS, Problems: [] })).toBe("Checked 2 images, 1 layer, 3 blobs of 1.5kB: all is well\n");
});

test("each problem has its line, with what became of it", () => {
  const repaired = { Kind: "orphan", Object: "/x", Fault: "is no blob", Repaired: true, Remedy: "removed" };
  expect(
    checkText({ ...COUNTS, Problems: [PROBLEM, { ...PROBLEM, Remedy: "pull again" }, repaired] }).split("\n"),
  ).toEqual([
    "damaged: blob sha256:a is missing",
    "damaged: blob sha256:a is missing (not repaired: pull again)",
    "orphan: /x is no blob (repaired: removed)",
    "Checked 2 images, 1 layer, 3 blobs of 1.5kB: 2 problems, 1 repaired",
    "",
  ]);
  expect(checkText({ ...COUNTS, Problems: [repaired] })).toContain("no problem is left, 1 repaired");
});
