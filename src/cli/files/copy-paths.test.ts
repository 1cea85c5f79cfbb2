import { expect, test } from "bun:test";
import { followedSource, keepEnding, linkTarget, parseCopyArgument, planCopy, splitEntry } from "./copy-paths.ts";

test.each([
  ["web:/etc", "web", "/etc"],
  ["web:etc", "web", "etc"],
  ["web:", "web", ""],
  ["/a:b", "", "/a:b"],
  ["./a:b", "", "./a:b"],
  ["../a:b", "", "../a:b"],
  ["-", "", "-"],
  ["file", "", "file"],
  ["web:/a:b", "web", "/a:b"],
])("%j names %j and %j", (text, container, path) => {
  expect(parseCopyArgument(text)).toEqual({ container, path });
});

test.each([
  ["/a/b", "/a", "b"],
  ["/a/b/", "/a", "b"],
  ["/a/b/.", "/a/b", "."],
  ["/", "/", "/"],
  ["/.", "/", "."],
  ["a", ".", "a"],
  ["a/../b", ".", "b"],
])("%j is %j with %j in it", (path, directory, base) => {
  expect(splitEntry(path)).toEqual({ directory, base });
});

test("paths keep what asks for a directory", () => {
  expect(keepEnding("/a", "x/")).toBe("/a/");
  expect(keepEnding("/a", "x/.")).toBe("/a/.");
  expect(keepEnding("/", "./")).toBe("/");
  expect(keepEnding("/a", "x")).toBe("/a");
});

test("a source that was reached by a link keeps the name it was asked by", () => {
  expect(followedSource("/var/link", "/data/real")).toEqual({ path: "/data/real", keptName: "link" });
  expect(followedSource("/var/link/.", "/data/real")).toEqual({ path: "/data/real/.", keptName: "" });
  expect(followedSource("/var/link/", "/data/real")).toEqual({ path: "/data/real/", keptName: "link" });
  expect(followedSource("/var/same", "/data/same")).toEqual({ path: "/data/same", keptName: "" });
  expect(linkTarget("/var/run", "../run")).toBe("/run");
  expect(linkTarget("/var/run", "/run")).toBe("/run");
});

const file = { path: "/src/f", isDirectory: false, keptName: "" };
const tree = { path: "/src/d", isDirectory: true, keptName: "" };
const contents = { path: "/src/d/.", isDirectory: true, keptName: "" };

test.each([
  ["a file into a directory", file, { path: "/to", kind: "directory" }, { directory: "/to", name: "f" }],
  ["a file over a file", file, { path: "/to/g", kind: "other" }, { directory: "/to", name: "g" }],
  ["a file to a new name", file, { path: "/to/g", kind: undefined }, { directory: "/to", name: "g" }],
  ["a tree into a directory", tree, { path: "/to", kind: "directory" }, { directory: "/to", name: "d" }],
  ["a tree to a new name", tree, { path: "/to/e", kind: undefined }, { directory: "/to", name: "e" }],
  ["a tree to a new name with a slash", tree, { path: "/to/e/", kind: undefined }, { directory: "/to", name: "e" }],
  ["contents into a directory", contents, { path: "/to", kind: "directory" }, { directory: "/to", name: "." }],
  ["contents to a new name", contents, { path: "/to/e", kind: undefined }, { directory: "/to", name: "e" }],
  ["a followed link", { ...file, keptName: "l" }, { path: "/to", kind: "directory" }, { directory: "/to", name: "l" }],
] as const)("%s", (_what, source, destination, plan) => {
  expect(planCopy(source, destination)).toEqual(plan);
});

test("copies that cannot be are refused in Docker's words", () => {
  expect(() => planCopy(tree, { path: "/to/g", kind: "other" })).toThrow("cannot copy directory");
  expect(() => planCopy(file, { path: "/to/new/", kind: undefined })).toThrow("no such directory");
});
