import { expect, test } from "bun:test";
import { lstatSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../src/base/errors.ts";
import type { CopyOp, CopySource } from "../../src/builder/graph.ts";
import { getXattr, setXattr } from "../../src/kernel/xattr.ts";
import { contextOf, copyOf, EMPTY, type Files, isRoot, openWorld } from "./world.ts";

if (!isRoot) console.log("(skip) test/builder-files: layers need root");

interface Case {
  base?: Files[];
  source: Files;
  paths: string | string[];
  to: string;
  more?: Partial<CopyOp> & Partial<CopySource>;
  /** Lines of the merged view that are not the base's. */
  expected: string[];
}

const CASES: Record<string, Case> = {
  "a file under a new name": { source: { a: "A" }, paths: "a", to: "/b", expected: ["b f 644 0:0 A"] },
  "a file into a directory that is made": {
    source: { "a|600|5:6": "A" },
    paths: "a",
    to: "/x/y/",
    expected: ["x d 755 0:0", "x/y d 755 0:0", "x/y/a f 600 5:6 A"],
  },
  "a file into a directory that is there keeps the directory as it is": {
    base: [{ "app/|750|7:8": "", "app/old": "O" }],
    source: { a: "A" },
    paths: "a",
    to: "/app",
    expected: ["app d 750 7:8", "app/a f 644 0:0 A", "app/old f 644 0:0 O"],
  },
  "a file over a file": {
    base: [{ "etc/conf": "old", "etc/other": "O" }],
    source: { conf: "new" },
    paths: "conf",
    to: "/etc/conf",
    expected: ["etc d 755 0:0", "etc/conf f 644 0:0 new", "etc/other f 644 0:0 O"],
  },
  "a file through a link to a directory": {
    base: [{ "usr/bin/": "", bin: { to: "usr/bin" } }],
    source: { tool: "T" },
    paths: "tool",
    to: "/bin/",
    expected: ["bin l 777 0:0 usr/bin", "usr d 755 0:0", "usr/bin d 755 0:0", "usr/bin/tool f 644 0:0 T"],
  },
  "a file through a link to a file": {
    base: [{ "data/real": "old", name: { to: "/data/real" } }],
    source: { a: "A" },
    paths: "a",
    to: "/name",
    expected: ["data d 755 0:0", "data/real f 644 0:0 A", "name l 777 0:0 /data/real"],
  },
  "a link in a directory is replaced, not followed": {
    base: [{ "d/a": { to: "../victim" }, victim: "V" }],
    source: { a: "A" },
    paths: "a",
    to: "/d/",
    expected: ["d d 755 0:0", "d/a f 644 0:0 A", "victim f 644 0:0 V"],
  },
  "the contents of a directory": {
    source: { "src/|700": "", "src/a|4755": "A", "src/sub/|1777": "", "src/sub/b": "B", "src/l": { to: "a" } },
    paths: "src",
    to: "/new",
    expected: [
      "new d 755 0:0",
      "new/a f 4755 0:0 A",
      "new/l l 777 0:0 a",
      "new/sub d 1777 0:0",
      "new/sub/b f 644 0:0 B",
    ],
  },
  "directories merge and take the attributes of the source, but for the topmost": {
    base: [{ "app/|711|1:1": "", "app/sub/|711|1:1": "", "app/sub/old": "O" }],
    source: { "app/|700|2:2": "", "app/sub/|700|2:2": "", "app/sub/new": "N" },
    paths: "app/",
    to: "/app/",
    expected: ["app d 711 1:1", "app/sub d 700 2:2", "app/sub/new f 644 0:0 N", "app/sub/old f 644 0:0 O"],
  },
  "everything, into the root": {
    base: [{ keep: "K" }],
    source: { a: "A", "d/b": "B" },
    paths: ".",
    to: "/",
    expected: ["a f 644 0:0 A", "d d 755 0:0", "d/b f 644 0:0 B", "keep f 644 0:0 K"],
  },
  "wildcards, into a directory": {
    source: { "a.txt": "A", "b.txt": "B", "c.md": "C", "d.txt/x": "X" },
    paths: "*.txt",
    to: "/t/",
    expected: ["t d 755 0:0", "t/a.txt f 644 0:0 A", "t/b.txt f 644 0:0 B", "t/x f 644 0:0 X"],
  },
  "a wildcard that matches nothing": {
    source: { a: "A" },
    paths: ["z*", "a"],
    to: "/t/",
    expected: ["t d 755 0:0", "t/a f 644 0:0 A"],
  },
  "a link as a source is what it leads to": {
    source: { real: "R", link: { to: "real" } },
    paths: "link",
    to: "/t/",
    expected: ["t d 755 0:0", "t/link f 644 0:0 R"],
  },
  "a link cannot lead out of its root": {
    source: { "etc/passwd": "inner", link: { to: "../../../etc/passwd" } },
    paths: "link",
    to: "/p",
    expected: ["p f 644 0:0 inner"],
  },
  "--chown by numbers, with directories that are made": {
    source: { "d/a|600|5:6": "A", "d/l": { to: "a" } },
    paths: "d",
    to: "/x/y/",
    more: { owner: { user: "12", group: "13" } },
    expected: ["x d 755 12:13", "x/y d 755 12:13", "x/y/a f 600 12:13 A", "x/y/l l 777 12:13 a"],
  },
  "--chown by names of the base": {
    base: [{ "etc/passwd": "web:x:33:34::/:\n", "etc/group": "staff:x:50:\n" }],
    source: { a: "A" },
    paths: "a",
    to: "/b",
    more: { owner: { user: "web", group: "staff" } },
    expected: [
      "b f 644 33:50 A",
      "etc d 755 0:0",
      "etc/group f 644 0:0 staff:x:50:",
      "etc/passwd f 644 0:0 web:x:33:34::/:",
    ],
  },
  "--chmod in octal": {
    source: { "d/a": "A", "d/sub/b|777": "B", "d/l": { to: "a" } },
    paths: "d",
    to: "/d",
    more: { mode: "0750" },
    expected: ["d d 755 0:0", "d/a f 750 0:0 A", "d/l l 777 0:0 a", "d/sub d 750 0:0", "d/sub/b f 750 0:0 B"],
  },
  "--chmod in letters": {
    source: { "d/a|600": "A", "d/run|700": "R", "d/sub/|700": "" },
    paths: "d",
    to: "/d",
    more: { mode: "u=rwX,go=rX" },
    expected: ["d d 755 0:0", "d/a f 644 0:0 A", "d/run f 755 0:0 R", "d/sub d 755 0:0"],
  },
  "--exclude": {
    source: { "a.md": "A", "README.md": "R", "d/x.md": "X", "d/y": "Y", "e/z.md": "Z" },
    paths: ".",
    to: "/t/",
    more: { exclude: ["**/*.md", "!README.md", "e"] },
    expected: ["t d 755 0:0", "t/README.md f 644 0:0 R", "t/d d 755 0:0", "t/d/y f 644 0:0 Y"],
  },
  "--exclude with a wildcard that names files": {
    source: { "home.md": "A", "home.txt": "B" },
    paths: "hom*",
    to: "/t/",
    more: { exclude: ["*.txt"] },
    expected: ["t d 755 0:0", "t/home.md f 644 0:0 A"],
  },
  "--parents": {
    source: { "x/|711|1:1": "", "x/y/a.txt": "A", "x/y/b.md": "B", "x/z/c.txt": "C", "w/d.txt": "D" },
    paths: ["x/*/*.txt"],
    to: "/t/",
    more: { parents: true },
    expected: [
      "t d 755 0:0",
      "t/x d 711 1:1",
      "t/x/y d 755 0:0",
      "t/x/y/a.txt f 644 0:0 A",
      "t/x/z d 755 0:0",
      "t/x/z/c.txt f 644 0:0 C",
    ],
  },
  "--parents with a pivot and **": {
    source: { "x/y/a.txt": "A", "x/y/deep/b.txt": "B", "x/c.md": "C" },
    paths: ["x/./**/*.txt"],
    to: "/t/",
    more: { parents: true },
    expected: [
      "t d 755 0:0",
      "t/y d 755 0:0",
      "t/y/a.txt f 644 0:0 A",
      "t/y/deep d 755 0:0",
      "t/y/deep/b.txt f 644 0:0 B",
    ],
  },
  "a name that a layer has taken away is there again": {
    base: [{ "d/a": "old" }, {}],
    source: { a: "A" },
    paths: "a",
    to: "/d/a",
    expected: ["d d 755 0:0", "d/a f 644 0:0 A"],
  },
};

for (const [name, { base = [], source, paths, to, more, expected }] of Object.entries(CASES)) {
  test.skipIf(!isRoot)(`COPY: ${name}`, async () => {
    await using world = openWorld();
    const tree = await world.tree(...base);
    const result = await world.files.copy(copyOf(paths, to, more), [tree, world.source(source)], world.context);
    expect(await world.show(result)).toEqual(expected);
  });

  test.skipIf(!isRoot)(`COPY --from: ${name}`, async () => {
    await using world = openWorld();
    const tree = await world.tree(...base);
    const result = await world.files.copy(copyOf(paths, to, more), [tree, await world.tree(source)], world.context);
    expect(await world.show(result)).toEqual(expected);
  });
}

test.skipIf(!isRoot).each([
  ["a file over a directory", { "x/y/": "" }, { y: "Y" }, "y", "/x/", "cannot replace to directory /x/y with file"],
  ["a directory over a file", { x: "X" }, { "d/a": "A" }, "d", "/x", "cannot copy to non-directory: /x"],
  ["a nested directory over a file", { "x/d": "X" }, { "s/d/a": "A" }, "s", "/x", "cannot copy to non-directory: /x/d"],
  [
    "a nested directory over a link",
    { "x/d": { to: "/" } },
    { "s/d/a": "A" },
    "s",
    "/x",
    "cannot copy to non-directory: /x/d",
  ],
  ["below a file", { x: "X" }, { a: "A" }, "a", "/x/y/z", "mkdir /x: not a directory"],
  ["what is not there", {}, { a: "A" }, "b", "/x", 'failed to compute cache key: "/b": not found'],
  ["through a loop", { l: { to: "l" } }, { a: "A" }, "a", "/l/x", "/l/x: too many links"],
  [
    "for a user that is not there",
    {},
    { a: "A" },
    "a",
    "/x",
    "unable to find user nobody: no matching entries in passwd file",
  ],
] as const)("refused: %s", async (_name, base, source, path, to, message) => {
  await using world = openWorld();
  const tree = await world.tree(base as Files);
  const more = message.includes("user") ? { owner: { user: "nobody", group: undefined } } : {};
  const failed = world.files.copy(copyOf(path, to, more), [tree, world.source(source as Files)], world.context);
  expect(await failed.then(() => "", messageOf)).toBe(message);
  expect(readdirSync(join(world.root, "snapshots")).filter((name) => name.startsWith("staged"))).toEqual([]);
});

test.skipIf(!isRoot)("what does not change is a hard link, what does is not", async () => {
  await using world = openWorld();
  const source = world.source({ "d/same|755": "S", "d/other|600": "O", "d/l": { to: "same" } });
  const result = await world.files.copy(copyOf("d", "/d", { mode: "755" }), [EMPTY, source], world.context);
  const inode = (path: string) => lstatSync(path).ino;
  const [from, to] = [join(source.source.directory, "d"), join(world.top(result), "d")];
  expect(inode(join(to, "same"))).toBe(inode(join(from, "same")));
  expect(inode(join(to, "l"))).toBe(inode(join(from, "l")));
  expect(inode(join(to, "other"))).not.toBe(inode(join(from, "other")));
  expect(lstatSync(join(from, "other")).mode & 0o777).toBe(0o600);
  expect(lstatSync(join(to, "other")).mtimeMs).toBe(1_600_000_000_000);
});

test.skipIf(!isRoot)("hard links stay hard links; what two layers share does not become one", async () => {
  await using world = openWorld();
  const source = world.source({ "d/a": "A", "d/b": { like: "d/a" } });
  const linked = async (more: object) => {
    const result = await world.files.copy(copyOf("d", "/d", more), [EMPTY, source], world.context);
    const [a, b] = ["a", "b"].map((name) => lstatSync(join(world.top(result), "d", name)).ino);
    return a === b;
  };
  expect(await linked({})).toBe(true);
  expect(await linked({ owner: { user: "1", group: "1" } })).toBe(true);
  const one = await world.files.copy(copyOf("d/a", "/x"), [EMPTY, source], world.context);
  const two = await world.files.copy(copyOf("d/a", "/y"), [one, source], world.context);
  const both = await world.files.copy(copyOf(".", "/"), [EMPTY, two], world.context);
  const [x, y] = ["x", "y"].map((name) => lstatSync(join(world.top(both), name)).ino);
  expect(x).not.toBe(y);
  const named = await world.files.copy(copyOf(["x", "y"], "/z/"), [EMPTY, two], world.context);
  const [nx, ny] = ["x", "y"].map((name) => lstatSync(join(world.top(named), "z", name)).ino);
  expect(nx).not.toBe(ny);
});

test.skipIf(!isRoot)("holes, times and attributes are kept by a copy", async () => {
  await using world = openWorld();
  const source = world.source({ a: "A" });
  const path = join(source.source.directory, "a");
  expect(Bun.spawnSync(["truncate", "-s", "64M", path]).exitCode).toBe(0);
  setXattr(path, "user.note", Buffer.from("kept"));
  const more = { owner: { user: "1", group: "1" } };
  const result = await world.files.copy(copyOf("a", "/a", more), [EMPTY, source], world.context);
  const copied = join(world.top(result), "a");
  expect(statSync(copied).size).toBe(64 << 20);
  expect(statSync(copied).blocks).toBeLessThan(64);
  expect(statSync(copied).mtimeMs).toBe(statSync(path).mtimeMs);
  expect(getXattr(copied, "user.note")?.toString()).toBe("kept");
});

test.skipIf(!isRoot)("a copy that is cancelled leaves no layer", async () => {
  await using world = openWorld();
  const files = Object.fromEntries(Array.from({ length: 3000 }, (_, at) => [`d${at % 50}/f${at}`, "x"]));
  const source = world.source(files);
  const controller = new AbortController();
  const copying = world.files.copy(copyOf(".", "/"), [EMPTY, source], contextOf(controller.signal));
  controller.abort(new Error("given up"));
  expect(await copying.then(() => "", messageOf)).toBe("given up");
  expect(world.made).toEqual([]);
});
