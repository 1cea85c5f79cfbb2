import { expect, test } from "bun:test";
import type { SourceEntry, TreeResult, VertexResult } from "../../results.ts";
import { createSourceDigests } from "./source-digest.ts";

const digestOfSource = createSourceDigests();

function entry(path: string, facts: Partial<SourceEntry> = {}): SourceEntry {
  return {
    path,
    type: "file",
    mode: 0o644,
    uid: 0,
    gid: 0,
    sizeBytes: 1,
    modifiedNs: 1n,
    linkName: "",
    hardlinkTo: undefined,
    digest: facts.type === undefined && facts.hardlinkTo === undefined ? "sha256:a" : "",
    deviceMajor: 0,
    deviceMinor: 0,
    ...facts,
  };
}

const files = (...entries: SourceEntry[]): VertexResult => ({
  kind: "files",
  source: { directory: "/nowhere", entries, origin: undefined },
});
const directory = { type: "directory" as const, mode: 0o755 };
const link = (linkName: string) => ({ type: "symlink" as const, linkName });

test("times and places do not count; names, modes, owners and contents do", () => {
  const digest = digestOfSource(files(entry("a", directory), entry("a/x")), "a");
  expect(digestOfSource(files(entry("a", directory), entry("a/x", { modifiedNs: 9n })), "/a/")).toBe(digest);
  expect(digestOfSource(files(entry("b", directory), entry("b/x")), "b")).toBe(digest);
  expect(digestOfSource(files(entry("a", directory), entry("a/y")), "a")).not.toBe(digest);
  for (const changed of [{ mode: 0o600 }, { uid: 1 }, { digest: "sha256:b" }]) {
    expect(digestOfSource(files(entry("a", directory), entry("a/x", changed)), "a")).not.toBe(digest);
  }
});

test("what lies beside the source does not count, not even with a name that begins alike", () => {
  const one = files(entry("a", directory), entry("a/x"));
  const more = files(entry("a", directory), entry("a/x"), entry("ab"), entry("c"));
  expect(digestOfSource(more, "a")).toBe(digestOfSource(one, "a"));
  expect(digestOfSource(more, "")).not.toBe(digestOfSource(one, ""));
});

test("links are followed inside the source and never out of it", () => {
  const source = files(
    entry("a", directory),
    entry("a/x"),
    entry("absolute", link("/a")),
    entry("escaping", link("../../a")),
    entry("loop", link("loop")),
  );
  const wanted = digestOfSource(source, "a");
  expect(digestOfSource(source, "absolute")).toBe(wanted);
  expect(digestOfSource(source, "escaping")).toBe(wanted);
  for (const path of ["loop", "none", "a/x/y", "a/none"]) {
    expect(() => digestOfSource(source, path)).toThrow(`"/${path}": not found`);
  }
});

test("another name of a file counts with that file's content", () => {
  const source = (digest: string) =>
    files(entry("one", { digest }), entry("sub", directory), entry("sub/two", { hardlinkTo: "one" }));
  expect(digestOfSource(source("sha256:a"), "sub")).not.toBe(digestOfSource(source("sha256:b"), "sub"));
});

test("a tree is known by its layers and the path", () => {
  const tree: TreeResult = { kind: "tree", layers: [], chainId: "sha256:c", createdAt: new Date(0), added: undefined };
  expect(digestOfSource(tree, "a/../b/")).toBe(digestOfSource(tree, "/b/"));
  expect(digestOfSource(tree, "a")).not.toBe(digestOfSource(tree, "b"));
  expect(digestOfSource({ ...tree, chainId: undefined }, "a")).not.toBe(digestOfSource(tree, "a"));
});
