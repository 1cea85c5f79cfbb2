import { expect, test } from "bun:test";
import { linkSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "../../src/base/logger.ts";
import type { FilesResult, TreeResult } from "../../src/builder/results.ts";
import { createOverlaySnapshots } from "../../src/storage/snapshots/overlay.ts";
import { contextOf, copyOf, EMPTY, type Files, isRoot, openWorld, scan, type World } from "./world.ts";

/**
 * Layers share files with contexts and with each other by hard links. In one tree that must not be seen: what a container writes to
 * one name would be under the other, too.
 */

/** Files by inode that have names in two layers of the tree, or names that were not names of one file: groups of `layer:path`. */
function sharedBetweenLayers({ snapshots }: World, tree: TreeResult): string[][] {
  const names = new Map<number, { layer: number; name: string }[]>();
  for (const [layer, { directory }] of snapshots.stackFiles(tree.chainId).reverse().entries()) {
    for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
      if (entry.isDirectory()) continue;
      const path = join(entry.parentPath, entry.name);
      const { ino } = lstatSync(path);
      names.set(ino, [...(names.get(ino) ?? []), { layer, name: `${layer}:${path.slice(directory.length)}` }]);
    }
  }
  return [...names.values()]
    .filter((group) => new Set(group.map(({ layer }) => layer)).size > 1)
    .map((group) => group.map(({ name }) => name).sort());
}

/** Of the topmost layer. */
const inode = (world: World, tree: TreeResult, name: string) => lstatSync(join(world.top(tree), name)).ino;
const inodeIn = ({ source }: FilesResult, name: string) => lstatSync(join(source.directory, name)).ino;

interface Case {
  source: Files;
  /** Paths and destinations of instructions, one on the other. */
  copies: [paths: string | string[], destination: string][];
  /** Names of the last layer that are links of the context's files, with those; all others are none. */
  linked: Record<string, string>;
}

const CASES: Record<string, Case> = {
  "a file is copied twice": {
    source: { hello: "H" },
    copies: [
      ["hello", "/a"],
      ["hello", "/b"],
    ],
    linked: {},
  },
  "package.json first, then everything: only package.json is no link": {
    source: { "package.json": "{}", "src/main.js": "M", "src/link": { to: "main.js" } },
    copies: [
      ["package.json", "/app/"],
      [".", "/app/"],
    ],
    linked: { "app/src/main.js": "src/main.js", "app/src/link": "src/link" },
  },
  "a symlink is copied twice": {
    source: { "d/link": { to: "x" } },
    copies: [
      ["d", "/a"],
      ["d", "/b"],
    ],
    linked: {},
  },
  "three times": {
    source: { hello: "H", other: "O" },
    copies: [
      ["hello", "/a"],
      ["hello", "/b"],
      [".", "/c/"],
    ],
    linked: { "c/other": "other" },
  },
  "nothing is copied twice": {
    source: { one: "1", two: "2" },
    copies: [
      ["one", "/"],
      ["two", "/"],
    ],
    linked: { two: "two" },
  },
};

test.skipIf(!isRoot).each(Object.entries(CASES))("links where %s", async (_name, { source, copies, linked }) => {
  await using world = openWorld();
  const context = world.source(source);
  let tree = await world.tree({ base: "B" });
  for (const [paths, to] of copies) tree = await world.files.copy(copyOf(paths, to), [tree, context], world.context);
  expect(sharedBetweenLayers(world, tree)).toEqual([]);
  const names = readdirSync(world.top(tree), { recursive: true }).map(String);
  const inodes = new Map(context.source.entries.map(({ path }) => [inodeIn(context, path), path]));
  const found = names.flatMap((name) => {
    const path = inodes.get(inode(world, tree, name));
    return path === undefined ? [] : [[name, path]];
  });
  expect(Object.fromEntries(found)).toEqual(linked);
});

test.skipIf(!isRoot)("names of one file stay names of one file where they have to be copied", async () => {
  await using world = openWorld();
  const context = world.source({ a: "A", b: { like: "a" }, "d/c": { like: "a" } });
  const first = await world.files.copy(copyOf(".", "/x/"), [EMPTY, context], world.context);
  const second = await world.files.copy(copyOf(".", "/y/"), [first, context], world.context);
  expect(sharedBetweenLayers(world, second)).toEqual([]);
  const [a, b, c] = ["y/a", "y/b", "y/d/c"].map((name) => inode(world, second, name));
  expect([b, c]).toEqual([a, a]);
  expect(a).not.toBe(inodeIn(context, "a"));
});

test.skipIf(!isRoot)("one instruction that selects a file twice makes two files", async () => {
  await using world = openWorld();
  const context = world.source({ a: "A", "d/a2": { like: "a" }, "d/e": "E" });
  const tree = await world.files.copy(copyOf(["a", "d", "d/e"], "/t/"), [EMPTY, context], world.context);
  const [a, a2, e] = ["t/a", "t/a2", "t/e"].map((name) => inode(world, tree, name));
  expect(new Set([a, a2, e]).size).toBe(3);
});

test.skipIf(!isRoot)("a layer that was linked is told from its source over stages, and after a restart", async () => {
  await using world = openWorld();
  const context = world.source({ app: "A", more: "M" });
  const stage = await world.files.copy(copyOf("app", "/out/"), [EMPTY, context], world.context);
  const base = await world.tree({ base: "B" });
  const final = await world.files.copy(copyOf("/out", "/srv"), [base, stage], world.context);
  // The fast path: the file is the context's, twice removed.
  expect(inode(world, final, "srv/app")).toBe(inodeIn(context, "app"));
  const again = await world.files.copy(copyOf(".", "/"), [final, context], world.context);
  expect(sharedBetweenLayers(world, again)).toEqual([]);
  expect(inode(world, again, "more")).toBe(inodeIn(context, "more"));
  const fromStage = await world.files.copy(copyOf("/out/app", "/again"), [again, stage], world.context);
  expect(sharedBetweenLayers(world, fromStage)).toEqual([]);
  const reopened = createOverlaySnapshots({
    root: join(world.root, "snapshots"),
    bootId: "this",
    logger: silentLogger,
  });
  expect(reopened.stackFiles(fromStage.chainId)).toEqual(world.snapshots.stackFiles(fromStage.chainId));
  await reopened.close();
});

test.skipIf(!isRoot)("a tree that is copied into itself: only what it gives is looked at", async () => {
  await using world = openWorld();
  const base = await world.tree({ "bin/busybox": "X" }, { "etc/conf": "C" });
  const tree = await world.files.copy(copyOf("/bin/busybox", "/copied"), [base, base], world.context);
  expect(sharedBetweenLayers(world, tree)).toEqual([]);
  const [top] = world.snapshots.stackFiles(tree.chainId);
  // It has nothing of anybody's, so that whatever is put on it later is linked.
  expect(top?.origins).toEqual([tree.chainId as string]);
});

test.skipIf(!isRoot)("a file from the web is one file of all builds", async () => {
  await using world = openWorld();
  const kept = world.source({ file: "F" });
  const fetched = (name: string): FilesResult => {
    const { directory } = world.source({}).source;
    linkSync(join(kept.source.directory, "file"), join(directory, name));
    return { kind: "files", source: { ...scan(directory), birthplace: "http:one" } };
  };
  const first = await world.files.copy(copyOf("a", "/"), [EMPTY, fetched("a")], world.context);
  const second = await world.files.copy(copyOf("b", "/"), [first, fetched("b")], world.context);
  expect(inode(world, first, "a")).toBe(inodeIn(kept, "file"));
  expect(sharedBetweenLayers(world, second)).toEqual([]);
});

test.skipIf(!isRoot)("files beside archives of one ADD are copies", async () => {
  await using world = openWorld();
  const { directory } = world.source({ plain: "P", "d/e": "E" }).source;
  const inside = world.source({ packed: "X" }).source.directory;
  Bun.spawnSync(["tar", "-C", inside, "-cf", join(directory, "x.tar"), "."]);
  const context: FilesResult = { kind: "files", source: scan(directory) };
  const add = copyOf(["x.tar", "plain", "d/e", "."], "/t/", { unpack: "detect" });
  const tree = await world.files.copy(add, [EMPTY, context], world.context);
  const names = readdirSync(world.top(tree), { recursive: true }).map(String);
  expect(names.sort()).toEqual(["t", "t/d", "t/d/e", "t/e", "t/packed", "t/plain", "t/x.tar"]);
  expect(inode(world, tree, "t/e")).not.toBe(inode(world, tree, "t/d/e"));
  // What an archive writes must not reach the context.
  expect(inode(world, tree, "t/plain")).not.toBe(inodeIn(context, "plain"));
  const more = await world.files.copy(copyOf("plain", "/again"), [tree, context], world.context);
  expect(inode(world, more, "again")).toBe(inodeIn(context, "plain"));
});

test.skipIf(!isRoot)(
  "COPY --link on a base with the same files: those are copied, the others linked; the layer is the same",
  async () => {
    await using world = openWorld();
    const context = world.source({ a: "A", a2: { like: "a" }, b: "B", s: { to: "a" } });
    const base = await world.files.copy(copyOf(["a", "s"], "/"), [EMPTY, context], world.context);
    const linked = await world.files.copy(copyOf(".", "/t/"), [EMPTY, context], world.context);
    const tree = await world.files.link(base, linked, world.context);
    expect(tree.added).toEqual(linked.added);
    expect(sharedBetweenLayers(world, tree)).toEqual([]);
    expect(inode(world, tree, "t/b")).toBe(inodeIn(context, "b"));
    expect(inode(world, tree, "t/a")).toBe(inode(world, tree, "t/a2"));
    expect(lstatSync(join(world.top(tree), "t/a")).mtimeMs).toBe(1_600_000_000_000);
    const onOther = await world.files.link(await world.tree({ other: "O" }), linked, world.context);
    expect(inode(world, onOther, "t/a")).toBe(inodeIn(context, "a"));
  },
);

test.skipIf(!isRoot)(
  "squashed layers share nothing with the base, and with the context only what they may",
  async () => {
    await using world = openWorld();
    const context = world.source({ a: "A", b: "B", c: "C" });
    const base = await world.files.copy(copyOf("a", "/"), [EMPTY, context], world.context);
    const one = await world.files.copy(copyOf(["a", "b"], "/t/"), [base, context], world.context);
    const two = await world.files.copy(copyOf(["a", "b", "c"], "/u/"), [one, context], world.context);
    const squashed = await world.squash(base, two);
    expect(sharedBetweenLayers(world, squashed)).toEqual([]);
    const names = ["t/a", "t/b", "u/a", "u/b", "u/c"];
    expect(new Set(names.map((name) => inode(world, squashed, name))).size).toBe(names.length);
    const more = await world.files.copy(copyOf("c", "/"), [squashed, context], world.context);
    expect(sharedBetweenLayers(world, more)).toEqual([]);
  },
);

test.skipIf(!isRoot)("a layer of more origins than are remembered is looked through for every copy", async () => {
  await using world = openWorld();
  const contexts = Array.from({ length: 66 }, (_, at) => world.source({ [`f${at}`]: `${at}` }));
  const op = copyOf(
    contexts.map((_, at) => `f${at}`),
    "/t/",
  );
  for (const [at, source] of op.sources.entries()) source.input = at + 1;
  const first = await world.files.copy(op, [EMPTY, ...contexts], world.context);
  expect(world.snapshots.stackFiles(first.chainId)[0]?.origins).toEqual([first.chainId as string, "*"]);
  const second = await world.files.copy(copyOf("f3", "/"), [first, contexts[3] as FilesResult], contextOf());
  expect(sharedBetweenLayers(world, second)).toEqual([]);
});

test.skipIf(!isRoot)("a file with as many names as there can be is copied", async () => {
  await using world = openWorld();
  const context = world.source({ a: "A" });
  const { directory } = world.source({ "names/": "" }).source;
  for (let at = 0; ; at++) {
    try {
      linkSync(join(context.source.directory, "a"), join(directory, "names", `${at}`));
    } catch (error) {
      expect((error as { code?: string }).code).toBe("EMLINK");
      break;
    }
    if (at > 70_000) return;
  }
  const tree = await world.files.copy(copyOf("a", "/"), [EMPTY, context], world.context);
  expect(lstatSync(join(world.top(tree), "a")).nlink).toBe(1);
});
