import { expect, test } from "bun:test";
import { messageOf } from "../../base/errors.ts";
import { type SourceNode, type SourceTree, selectSources } from "./selection.ts";

/** A value: a file; `-> x`: a link; others: a directory. */
type Shape = { [name: string]: Shape | string };

function treeOf(shape: Shape): SourceTree {
  const at = (path: string) =>
    path === ""
      ? shape
      : path
          .split("/")
          .reduce<Shape | string | undefined>(
            (here, name) => (typeof here === "object" ? here[name] : undefined),
            shape,
          );
  return {
    stat(path): SourceNode | undefined {
      const found = at(path);
      if (found === undefined) return undefined;
      if (typeof found === "object") return { kind: "directory" };
      return found.startsWith("-> ") ? { kind: "symlink", target: found.slice(3) } : { kind: "file" };
    },
    names: (directory) => Object.keys(at(directory) ?? {}).sort(),
  };
}

const TREE = treeOf({
  "a.txt": "",
  "b.txt": "",
  "[x]": "",
  dir: { one: "", two: "", sub: { "deep.txt": "" } },
  dir2: { one: "" },
  empty: {},
  link: "-> dir",
  up: "-> ../../dir/one",
  absolute: "-> /dir/sub",
  loop: "-> loop",
  dangling: "-> nowhere",
});

const select = (path: string, wildcards = true, optional = false) =>
  selectSources(TREE, { path, wildcards, optional }).map(
    ({ name, path: real, isDirectory }) => `${name}=${real}${isDirectory ? "/" : ""}`,
  );

test.each([
  ["a.txt", ["a.txt=a.txt"]],
  ["/a.txt", ["a.txt=a.txt"]],
  ["../../a.txt", ["a.txt=a.txt"]],
  [".", ["=/"]],
  ["dir/", ["dir=dir/"]],
  ["*.txt", ["a.txt=a.txt", "b.txt=b.txt"]],
  ["dir/*", ["one=dir/one", "sub=dir/sub/", "two=dir/two"]],
  ["dir*/one", ["one=dir/one", "one=dir2/one"]],
  ["*/*/deep.txt", ["deep.txt=dir/sub/deep.txt"]],
  ["empty/*", []],
  ["nothing*", []],
  ["link", ["link=dir/"]],
  ["link/one", ["one=dir/one"]],
  ["link/*o*", ["one=dir/one", "two=dir/two"]],
  ["lin?", ["link=dir/"]],
  ["lin?/one", []],
  ["up", ["up=dir/one"]],
  ["absolute/deep.txt", ["deep.txt=dir/sub/deep.txt"]],
  ["\\[x\\]", ["[x]=[x]"]],
  ["[[]x]", ["[x]=[x]"]],
])("%s selects %p", (path, expected) => {
  expect(select(path)).toEqual(expected);
});

test("without wildcards a bracket is a bracket", () => {
  expect(select("[x]", false)).toEqual(["[x]=[x]"]);
});

test.each([
  ["missing", 'failed to compute cache key: "/missing": not found'],
  ["a.txt/x", 'failed to compute cache key: "/a.txt/x": not found'],
  ["dangling", 'failed to compute cache key: "/dangling": not found'],
  ["missing/*", "lstat /missing: no such file or directory"],
  ["loop", "/loop: too many links"],
])("%s is refused", (path, message) => {
  expect(messageOf(failure(() => select(path)))).toBe(message);
});

test("what is optional may be missing", () => {
  expect(select("missing", true, true)).toEqual([]);
  expect(select("missing/*", true, true)).toEqual([]);
});

test("a pattern that cannot be read matches nothing, as with BuildKit", () => {
  expect(select("[")).toEqual([]);
  expect(select("[b-a]*")).toEqual([]);
});

function failure(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}
