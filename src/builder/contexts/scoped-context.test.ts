import { expect, test } from "bun:test";
import type { FileSource, SourceEntry } from "../results.ts";
import { scopeTo } from "./scoped-context.ts";

function entry(path: string, change: Partial<SourceEntry> = {}): SourceEntry {
  const zeros = {
    mode: 0o755,
    uid: 0,
    gid: 0,
    sizeBytes: 0,
    modifiedNs: 0n,
    deviceMajor: 0,
    deviceMinor: 0,
    digest: "",
  };
  return { ...zeros, path, type: "directory", linkName: "", hardlinkTo: undefined, ...change };
}

const source: FileSource = {
  directory: "/context",
  entries: [
    entry("a"),
    entry("a/b"),
    entry("a/b/f", { type: "file" }),
    entry("a/b/g", { type: "file", hardlinkTo: "a/b/f" }),
    entry("a/b/h", { type: "file", hardlinkTo: "a/first" }),
    entry("a/first", { type: "file" }),
    entry("link", { type: "symlink", linkName: "/a/../a/b" }),
    entry("out", { type: "symlink", linkName: "../../etc" }),
  ],
  origin: { uri: "https://host/x", digest: undefined },
};

test.each([["a/b"], ["/a/b/"], ["link"], ["../../link"]])(
  "%p is a directory of the context, and no more than it is seen",
  (path) => {
    const scoped = scopeTo(source, path);
    expect(scoped.directory).toBe("/context/a/b");
    expect(scoped.entries.map((one) => [one.path, one.hardlinkTo])).toEqual([
      ["f", undefined],
      ["g", "f"],
      ["h", undefined],
    ]);
    expect(scoped.origin).toEqual(source.origin);
  },
);

test("the top is the whole context", () => {
  expect(scopeTo(source, "/")).toBe(source);
});

test.each([["none"], ["a/b/f"], ["out"], ["out/passwd"]])("%p is none", (path) => {
  expect(() => scopeTo(source, path)).toThrow("is not a directory of the context");
});
