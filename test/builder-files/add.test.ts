import { expect, test } from "bun:test";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../src/base/errors.ts";
import type { FilesResult } from "../../src/builder/results.ts";
import { contextOf, copyOf, EMPTY, type Files, isRoot, openWorld, scan, type World } from "./world.ts";

/** A context with an archive of `files` under `name`, beside `others`. */
function archived(
  world: World,
  files: Files,
  { name, flags = [], others = {} }: { name: string; flags?: string[]; others?: Files },
): FilesResult {
  const inside = world.source(files).source.directory;
  const outside = world.source(others).source.directory;
  const packed = Bun.spawnSync(["tar", "-C", inside, ...flags, "-cf", join(outside, name), "."]);
  if (packed.exitCode !== 0) throw new Error(packed.stderr.toString());
  return { kind: "files", source: scan(outside) };
}

const ADD = { unpack: "detect" } as const;
const INNER: Files = { "d/|711|3:4": "", "d/a|640|5:6": "A", "d/l": { to: "a" }, b: "B" };

test.skipIf(!isRoot).each([
  ["plain.bin", []],
  ["x.tar.gz", ["-z"]],
  ["x.txz", ["-J"]],
  ["x", ["-j"]],
])("ADD unpacks what is an archive, whatever it is called: %s %p", async (name, flags) => {
  await using world = openWorld();
  const source = archived(world, INNER, { name, flags });
  const base = await world.tree({ "t/d/|700|1:1": "", "t/d/old": "O", "t/b": "old" });
  const result = await world.files.copy(copyOf(name, "/t/", ADD), [base, source], world.context);
  expect(await world.show(result)).toEqual([
    "t d 755 0:0",
    "t/b f 644 0:0 B",
    "t/d d 711 3:4",
    "t/d/a f 640 5:6 A",
    "t/d/l l 777 0:0 a",
    "t/d/old f 644 0:0 O",
  ]);
});

test.skipIf(!isRoot)("ADD makes the place for an archive, and its name does not matter", async () => {
  await using world = openWorld();
  const source = archived(world, { a: "A" }, { name: "x.tar" });
  const result = await world.files.copy(copyOf("x.tar", "/new/place", ADD), [EMPTY, source], world.context);
  expect(await world.show(result)).toEqual(["new d 755 0:0", "new/place d 755 0:0", "new/place/a f 644 0:0 A"]);
});

test.skipIf(!isRoot)("--unpack=false leaves an archive as it is; COPY does, too", async () => {
  await using world = openWorld();
  const source = archived(world, { a: "A" }, { name: "x.tar" });
  const result = await world.files.copy(copyOf("x.tar", "/t/"), [EMPTY, source], world.context);
  expect((await world.show(result)).map((line) => line.split(" ")[0])).toEqual(["t", "t/x.tar"]);
});

test.skipIf(!isRoot)("archives and files together, in their order; --chown is for both", async () => {
  await using world = openWorld();
  const source = archived(
    world,
    { a: "from the archive", b: "B" },
    { name: "x.tar", others: { a: "a file", c: { to: "a" }, "y.gz": "no gzip" } },
  );
  const more = { ...ADD, owner: { user: "7", group: "8" } };
  const last = await world.files.copy(copyOf(["x.tar", "a", "c", "y.gz"], "/t/", more), [EMPTY, source], world.context);
  expect(await world.show(last)).toEqual([
    "t d 755 7:8",
    "t/a f 644 7:8 a file",
    "t/b f 644 7:8 B",
    "t/c f 644 7:8 a file",
    "t/y.gz f 644 7:8 no gzip",
  ]);
  const first = await world.files.copy(copyOf(["a", "x.tar"], "/t/", ADD), [EMPTY, source], world.context);
  expect(await world.show(first)).toEqual(["t d 755 0:0", "t/a f 644 0:0 from the archive", "t/b f 644 0:0 B"]);
});

test.skipIf(!isRoot)("what begins like an archive and is none is copied; a damaged one is refused", async () => {
  await using world = openWorld();
  const source = archived(world, { large: "x".repeat(100_000) }, { name: "x.tgz", flags: ["-z"] });
  const path = join(source.source.directory, "x.tgz");
  const whole = await Bun.file(path).bytes();
  writeFileSync(join(source.source.directory, "zipped"), Bun.gzipSync(Buffer.from("only text")));
  writeFileSync(join(source.source.directory, "cut.tgz"), whole.subarray(0, whole.length - 20));
  const fresh: FilesResult = { kind: "files", source: scan(source.source.directory) };
  const copied = await world.files.copy(copyOf("zipped", "/t/", ADD), [EMPTY, fresh], world.context);
  expect((await world.show(copied)).map((line) => line.split(" ")[0])).toEqual(["t", "t/zipped"]);
  const before = world.made.length;
  const failing = world.files.copy(copyOf("cut.tgz", "/t/", ADD), [EMPTY, fresh], world.context);
  expect(await failing.then(() => "", messageOf)).toContain("gzip");
  expect(world.made.length).toBe(before);
  expect(world.snapshots.listActive()).toEqual([]);
});

test.skipIf(!isRoot)("attack 44: an archive cannot lead out of the image", async () => {
  await using world = openWorld();
  const outside = join(world.root, "outside");
  const source = archived(world, { "evil/x": "X" }, { name: "x.tar" });
  const base = await world.tree({ evil: { to: outside } });
  const result = await world.files.copy(copyOf("x.tar", "/", ADD), [base, source], world.context);
  expect(await world.show(result)).toEqual(["evil d 755 0:0", "evil/x f 644 0:0 X"]);
  expect(readdirSync(world.root)).not.toContain("outside");
});

test.skipIf(!isRoot)("WORKDIR makes a directory where there is none, and no layer where there is one", async () => {
  await using world = openWorld();
  const mkdir = (path: string, more = {}) =>
    ({ kind: "mkdir", path, mode: 0o755, owner: undefined, epochSeconds: undefined, ...more }) as const;
  const base = await world.tree({ "srv/": "", "etc/passwd": "web:x:33:34::/:\n", link: { to: "/srv" }, file: "F" });
  const before = world.made.length;
  expect(await world.files.mkdir(mkdir("/srv"), base, contextOf())).toBe(base);
  expect(await world.files.mkdir(mkdir("/link"), base, contextOf())).toBe(base);
  expect(await world.files.mkdir(mkdir("/"), EMPTY, contextOf())).toBe(EMPTY);
  expect(world.made.length).toBe(before);
  const made = await world.files.mkdir(mkdir("/link/a/b", { owner: { user: "web" } }), base, contextOf());
  expect((await world.show(made)).filter((line) => line.startsWith("srv"))).toEqual([
    "srv d 755 0:0",
    "srv/a d 755 33:34",
    "srv/a/b d 755 33:34",
  ]);
  const onNothing = await world.files.mkdir(mkdir("/w", { mode: 0o700 }), EMPTY, contextOf());
  expect(await world.show(onNothing)).toEqual(["w d 700 0:0"]);
  const refused = (path: string) => world.files.mkdir(mkdir(path), base, contextOf()).then(() => "", messageOf);
  expect(await refused("/file")).toBe("mkdir /file: not a directory");
  expect(await refused("/file/x")).toBe("mkdir /file: not a directory");
});

test.skipIf(!isRoot)("--link puts layers that stand on nothing on another base", async () => {
  await using world = openWorld();
  const top = await world.files.copy(copyOf("a", "/x/a"), [EMPTY, world.source({ a: "A" })], world.context);
  const base = await world.tree({ "x/b": "B" });
  const linked = await world.files.link(base, top, contextOf());
  expect(await world.show(linked)).toEqual(["x d 755 0:0", "x/a f 644 0:0 A", "x/b f 644 0:0 B"]);
  expect(linked.layers.at(-1)?.diffId).toBe(top.layers[0]?.diffId as (typeof top.layers)[number]["diffId"]);
});

test.skipIf(!isRoot)("the key of a copy is of what it reads, without times", async () => {
  await using world = openWorld();
  const files: Files = { "d/a": "A", "d/sub/b|755": "B", "d/l": { to: "a" }, other: "O" };
  const key = (input: Awaited<ReturnType<World["tree"]>> | FilesResult, path = "d", more = {}) =>
    world.files.copyKey(copyOf(path, "/x", more), [EMPTY, input], contextOf());
  for (const make of [(content: Files) => world.tree(content), async (content: Files) => world.source(content)]) {
    const first = await key(await make(files));
    expect(await key(await make(files))).toBe(first);
    expect(await key(await make({ ...files, other: "changed" }))).toBe(first);
    const { "d/l": _, ...without } = files;
    const changes: Files[] = [
      { ...files, "d/a": "a" },
      { ...files, "d/new": "" },
      { ...without, "d/l": { to: "b" } },
      { "d/a|600": "A", "d/sub/b|755": "B", "d/l": { to: "a" } },
      { "d/a|644|1:1": "A", "d/sub/b|755": "B", "d/l": { to: "a" } },
    ];
    const keys = await Promise.all(changes.map(async (changed) => key(await make(changed))));
    expect(new Set([first, ...keys]).size).toBe(changes.length + 1);
    const excluding = { exclude: ["a"] };
    expect(await key(await make(files), "d", excluding)).toBe(
      await key(await make({ ...files, "d/a": "a" }), "d", excluding),
    );
    expect(await key(await make(files), "d/l")).toBe(await key(await make({ ...files, "d/sub/b": "b" }), "d/l"));
    const missing = key(await make(files), "nothing");
    expect(await missing.then(() => "", messageOf)).toBe('failed to compute cache key: "/nothing": not found');
  }
});

test.skipIf(!isRoot)("what was hashed of a tree is remembered, after a restart too", async () => {
  await using world = openWorld();
  const tree = await world.tree({ a: "A" });
  const key = (files = world.files) => files.copyKey(copyOf("a", "/x"), [EMPTY, tree], contextOf());
  const first = await key();
  // Without the files it can only be remembered.
  rmSync(join(world.top(tree), "a"));
  expect(await key()).toBe(first);
  expect(await key(world.reopen())).toBe(first);
});
