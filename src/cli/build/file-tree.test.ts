import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { createMatcher } from "../../formats/dockerignore/patterns.ts";
import { followLinks, inclusionOf } from "./selection.ts";
import { diskTree, memoryTree } from "./trees.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/gantry-walk-`);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function make(...paths: string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(`${root}/${path}`), { recursive: true });
    if (path.endsWith("/")) mkdirSync(`${root}/${path}`, { recursive: true });
    else writeFileSync(`${root}/${path}`, path);
  }
}

function walk(exclude: string[] = [], include: string[] = []): string[] {
  const selection = { include: inclusionOf(include), exclude: createMatcher(exclude) };
  return [...diskTree(root).walk(selection)].map(({ path, type }) => (type === "directory" ? `${path}/` : path));
}

test("depth first, names in the order of their bytes", () => {
  make("b/x", "a.txt", "a/z", "B", "é", "z", "ﬀ", "😀");
  expect(walk()).toEqual(["B", "a/", "a/z", "a.txt", "b/", "b/x", "z", "é", "ﬀ", "😀"]);
});

test("what is ignored is left out with all below it, unless something of that is taken back", () => {
  make("keep/a", "node_modules/deep/x", "logs/a.log", "logs/keep/b.log");
  expect(walk(["node_modules", "logs", "!logs/keep"])).toEqual([
    "keep/",
    "keep/a",
    "logs/",
    "logs/keep/",
    "logs/keep/b.log",
  ]);
  expect(walk(["*"])).toEqual([]);
});

test("only what is included, with the directories above it", () => {
  make("a/b/c", "a/b/d", "a/e", "f", "g/h.go", "g/i.c");
  expect(walk([], ["a/b", "f"])).toEqual(["a/", "a/b/", "a/b/c", "a/b/d", "f"]);
  expect(walk([], ["g/*.go"])).toEqual(["g/", "g/h.go"]);
  expect(walk([], ["**/c"])).toEqual(["a/", "a/b/", "a/b/c"]);
  expect(walk(["a/b/d"], ["a/b"])).toEqual(["a/", "a/b/", "a/b/c"]);
  expect(walk([], ["missing"])).toEqual([]);
});

test("a directory above what is included is told only when something is", () => {
  make("a/b/c");
  expect(walk([], ["a/x"])).toEqual([]);
});

test("what is told of a name", () => {
  make("file", "dir/");
  chmodSync(`${root}/file`, 0o4750);
  utimesSync(`${root}/file`, 1, 1_500_000_000.25);
  symlinkSync("../outside", `${root}/link`);
  linkSync(`${root}/file`, `${root}/second`);
  const entries = [...diskTree(root).walk({ include: inclusionOf([]), exclude: createMatcher([]) })];
  expect(entries.map(({ path, type, linkName }) => [path, type, linkName])).toEqual([
    ["dir", "directory", ""],
    ["file", "file", ""],
    ["link", "symlink", "../outside"],
    ["second", "file", "file"],
  ]);
  expect(entries[1]).toMatchObject({
    mode: 0o4750,
    sizeBytes: 4,
    modifiedSeconds: 1_500_000_000,
    modifiedNanoseconds: 250_000_000,
  });
});

test("sockets are left out; a name that is no UTF-8 is an error, unless it is ignored", () => {
  Bun.listen({ unix: `${root}/socket`, socket: { data: () => undefined } }).stop();
  writeFileSync(Buffer.concat([Buffer.from(`${root}/x`), Buffer.from([0xff])]), "");
  expect(() => walk()).toThrow("not valid UTF-8");
  expect(walk(["x*"])).toEqual([]);
});

test("a directory that cannot be read is an error that names it", () => {
  expect(() => [...diskTree(`${root}/none`).walk({ include: inclusionOf([]), exclude: createMatcher([]) })]).toThrow(
    `${root}/none`,
  );
});

test("links are followed within the root only", () => {
  make("real/file", "other");
  symlinkSync("real", `${root}/dir`);
  symlinkSync("/other", `${root}/absolute`);
  symlinkSync("../../../other", `${root}/climbs`);
  symlinkSync("loop", `${root}/loop`);
  expect(followLinks(root, ["dir/file"])).toEqual(["dir", "real/file"]);
  expect(followLinks(root, ["absolute", "climbs"])).toEqual(["absolute", "other", "climbs"]);
  expect(followLinks(root, ["loop"])).toContain("loop");
  expect(followLinks(root, ["di*/file", "missing"])).toEqual(["dir", "real/file", "missing"]);
});

test("files that exist only here", () => {
  const tree = memoryTree({ Dockerfile: new TextEncoder().encode("FROM scratch") });
  const found = [...tree.walk({ include: inclusionOf(["Dockerfile", "x"]), exclude: createMatcher([]) })];
  expect(found.map(({ path, sizeBytes }) => [path, sizeBytes])).toEqual([["Dockerfile", 12]]);
  const buffer = new Uint8Array(20);
  const file = tree.open("Dockerfile");
  expect([file.read(buffer, 2, 5), file.read(buffer, 7, 13), file.read(buffer, 0, 1)]).toEqual([5, 7, 0]);
  expect(new TextDecoder().decode(buffer.subarray(2, 14))).toBe("FROM scratch");
});
