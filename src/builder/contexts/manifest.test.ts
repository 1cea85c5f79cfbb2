import { expect, test } from "bun:test";
import { digestOf } from "../../formats/oci/digest.ts";
import type { SourceEntry } from "../results.ts";
import { decodeEntries, encodeEntries } from "./manifest.ts";

const entry = (path: string, more: Partial<SourceEntry>): SourceEntry => ({
  path,
  type: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  sizeBytes: 0,
  modifiedNs: 1_700_000_000_123_456_789n,
  linkName: "",
  hardlinkTo: undefined,
  digest: "",
  deviceMajor: 0,
  deviceMinor: 0,
  ...more,
});

const ENTRIES = [
  entry("a\nb", { digest: digestOf("a"), sizeBytes: 5 * 2 ** 40, mode: 0o4755 }),
  entry("d", { type: "directory", mode: 0o1777, modifiedNs: -1n }),
  entry("d/ü", { digest: digestOf("b") }),
  entry("d/l", { type: "symlink", linkName: "../a" }),
  entry("d/h", { digest: digestOf("b"), hardlinkTo: "d/ü" }),
  entry("p", { type: "fifo", uid: 5, gid: 6 }),
  entry("z", { type: "character", deviceMajor: 1, deviceMinor: 300 }),
];

test("a table of contents is what it was", () => {
  const header = { key: "k", description: "d", bootId: "b", createdAt: "2026-01-01T00:00:00.000Z" };
  expect(decodeEntries(encodeEntries(ENTRIES, header))).toEqual({ entries: ENTRIES, header });
  expect(decodeEntries(encodeEntries([], header))).toEqual({ entries: [], header });
  for (let count = 1; count < ENTRIES.length; count++) {
    expect(decodeEntries(encodeEntries(ENTRIES.slice(0, count)))?.entries).toEqual(ENTRIES.slice(0, count));
  }
});

test("what is cut or something else is none", () => {
  const bytes = encodeEntries(ENTRIES);
  for (let length = 0; length < bytes.length; length += 7)
    expect(decodeEntries(bytes.subarray(0, length))).toBeUndefined();
  expect(decodeEntries(Buffer.from("{}\n"))).toBeUndefined();
  expect(decodeEntries(Buffer.from("garbage\n"))).toBeUndefined();
});

test("fifty thousand entries are read in no time", () => {
  const digest = digestOf("x");
  const many = Array.from({ length: 50_000 }, (_, at) => entry(`directory-${at % 100}/file-${at}.txt`, { digest }));
  const bytes = encodeEntries(many);
  const started = performance.now();
  expect(decodeEntries(bytes)?.entries.length).toBe(50_000);
  // 10 to 20 ms here; other work on the machine must not fail it.
  expect(performance.now() - started).toBeLessThan(5000);
});
