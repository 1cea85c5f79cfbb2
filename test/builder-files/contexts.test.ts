import { expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../src/base/errors.ts";
import { entriesKey } from "../../src/builder/files/entries-key.ts";
import { EntryTree } from "../../src/builder/files/entry-tree.ts";
import type { FileSource } from "../../src/builder/results.ts";
import type { DirectoryRequest, DirectorySink, RemoteEntry } from "../../src/builder/session.ts";
import { getXattr, setXattr } from "../../src/kernel/xattr.ts";
import { ALL, FILES, openBox, receive, SOURCE, show } from "./context-box.ts";
import { remoteEntries } from "./fake-session.ts";
import { isRoot } from "./world.ts";

test.skipIf(!isRoot)("a directory arrives, and only what has changed arrives again", async () => {
  using box = openBox(FILES);
  const first = await receive(box);
  expect(show(first.source.directory)).toEqual(show(box.client));
  expect(box.session.wanted).toEqual(["Dockerfile", "app/deep/x", "app/main", "empty"]);
  const digests = Object.fromEntries(first.source.entries.map(({ path, digest }) => [path, digest.slice(7, 15)]));
  const hash = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 8);
  expect(digests).toEqual({
    Dockerfile: hash("FROM scratch"),
    app: "",
    "app/deep": "",
    "app/deep/x": hash("x"),
    "app/link": "",
    "app/main": hash("main"),
    empty: hash(""),
    "other name": hash("FROM scratch"),
  });
  // As a layer would have it: its inode is not free.
  linkSync(join(first.source.directory, "app/main"), join(box.root, "in-a-layer"));
  const inode = lstatSync(join(first.source.directory, "app/main")).ino;
  await first.close();

  box.session.wanted.length = 0;
  const same = await receive(box);
  expect(box.session.wanted).toEqual([]);
  expect(same.source.entries).toEqual(first.source.entries);
  await same.close();

  writeFileSync(join(box.client, "app/main"), "changed");
  rmSync(join(box.client, "app/deep"), { recursive: true });
  writeFileSync(join(box.client, "app/deep"), "a file now");
  mkdirSync(join(box.client, "app/new"));
  rmSync(join(box.client, "app/link"));
  symlinkSync("deep", join(box.client, "app/link"));
  chmodSync(join(box.client, "app"), 0o700);
  const changed = await receive(box);
  expect(box.session.wanted).toEqual(["app/deep", "app/main"]);
  expect(changed.source.directory).toBe(first.source.directory);
  expect(show(changed.source.directory)).toEqual(show(box.client));
  expect(lstatSync(join(changed.source.directory, "app/main")).ino).not.toBe(inode);
  expect(readFileSync(join(box.root, "in-a-layer"), "utf8")).toBe("main");
  const mtimes = (root: string) => ["app", "app/deep", "app/new"].map((path) => lstatSync(join(root, path)).mtimeMs);
  expect(mtimes(changed.source.directory)).toEqual(mtimes(box.client));
  await changed.close();
});

test.skipIf(!isRoot)("further names follow a file that is written anew", async () => {
  using box = openBox({ a: "old", b: { like: "a" } });
  await (await receive(box)).close();
  writeFileSync(join(box.client, "a"), "newer");
  const { source, close } = await receive(box);
  expect(show(source.directory)).toEqual(["a 644 newer", "b 644 newer"]);
  expect(lstatSync(join(source.directory, "a")).ino).toBe(lstatSync(join(source.directory, "b")).ino);
  expect(source.entries[1]).toMatchObject({ path: "b", hardlinkTo: "a", digest: source.entries[0]?.digest as string });
  await close();
});

test.skipIf(!isRoot)("what the ignore patterns leave out does not come in, whatever the client sends", async () => {
  using box = openBox({ a: "A", "node_modules/x": "X", "logs/a.log": "L", "logs/keep.log": "K", "b.log": "B" });
  const exclude = ["node_modules", "**/*.log", "logs", "!logs/keep.log"];
  const { source, close } = await receive(box, box.contexts, { exclude });
  expect(show(source.directory)).toEqual(["a 644 A", "logs 755", "logs/keep.log 644 K"]);
  expect(source.entries.map(({ path }) => path)).toEqual(["a", "logs", "logs/keep.log"]);
  expect(box.session.requests.at(-1)).toMatchObject({ exclude });
  expect(box.session.wanted).toEqual(["a", "logs/keep.log"]);
  await close();
});

test.skipIf(!isRoot)(
  "two builds of one directory have one each; a directory that is used cannot be removed",
  async () => {
    using box = openBox({ a: "A" });
    const [one, two] = await Promise.all([receive(box), receive(box)]);
    expect(one.source.directory).not.toBe(two.source.directory);
    const id = (await box.contexts.list())[0]?.id ?? "";
    expect(await box.contexts.remove(id).then(() => "", messageOf)).toBe(`build context ${id} is in use`);
    await one.close();
    await two.close();
    expect((await box.contexts.list()).map(({ inUse, sizeBytes }) => [inUse, sizeBytes])).toEqual([
      [false, 1],
      [false, 1],
    ]);
    for (const kept of await box.contexts.list()) await box.contexts.remove(kept.id);
    expect(readdirSync(join(box.root, "builder/contexts"))).toEqual([]);
    expect(await box.contexts.remove(id).then(() => "", messageOf)).toBe(`No such build context: ${id}`);
  },
);

test.skipIf(!isRoot)(
  "what is kept outlives the daemon, but not the run of the kernel, nor a transfer that was cut",
  async () => {
    using box = openBox(FILES);
    await (await receive(box)).close();
    box.session.wanted.length = 0;
    await (await receive(box, box.reopen())).close();
    expect(box.session.wanted).toEqual([]);

    // The daemon dies in the middle: the context stays open, and something has changed.
    writeFileSync(join(box.client, "app/main"), "changed");
    const cut = box.reopen();
    const context = await cut.open(SOURCE, box.options);
    const content = box.session.content;
    box.session.content = () => {
      throw new Error("cut");
    };
    expect(await context.files(ALL, box.options).then(() => "", messageOf)).toBe("cut");
    box.session.content = content;
    const whole = await receive(box, box.reopen());
    expect(show(whole.source.directory)).toEqual(show(box.client));
    await whole.close();

    box.session.wanted.length = 0;
    await (await receive(box, box.reopen("another"))).close();
    expect(box.session.wanted.length).toBe(4);
  },
);

test.skipIf(!isRoot)("a file larger than memory is asked for holds the client back, and arrives", async () => {
  using box = openBox();
  const large = Buffer.alloc(20 << 20, "large");
  writeFileSync(join(box.client, "large"), large);
  writeFileSync(join(box.client, "small"), "s");
  const { source, close } = await receive(box);
  expect(readFileSync(join(source.directory, "large")).equals(large)).toBe(true);
  const progress = box.events.filter((event) => event.kind === "progress");
  expect(progress.at(-1)).toMatchObject({
    name: "transferring context:",
    current: large.length + 1,
    completedAt: expect.any(Date),
  });
  await close();
});

test.skipIf(!isRoot)(
  "a file that changes while it is sent fails the build, and nothing of it is believed",
  async () => {
    using box = openBox({ a: "A" });
    box.session.content = () => Buffer.from("longer");
    const context = await box.contexts.open(SOURCE, box.options);
    const failed = await context.files(ALL, box.options).then(() => "", messageOf);
    expect(failed).toBe("build context: a changed while it was sent");
    await context.close();
    expect(readdirSync(join(box.root, "builder/contexts"))).toEqual([]);
  },
);

test.skipIf(!isRoot).each([
  [["../x"], "not a name below the context"],
  [["/etc/passwd"], "not a name below the context"],
  [["a>/etc", "a/passwd"], "its directory was not told"],
  [["a>../../..", "a/x"], "its directory was not told"],
  [["d/", "d/../../x"], "not a name below the context"],
  [["h=/etc/passwd"], "another name of a file that was not told before"],
  [["l>/etc/passwd", "m=l"], "another name of a file that was not told before"],
  [["b", "a"], "out of order"],
  [["a", "a"], "out of order"],
])("attack 44: a client that tells of %p is refused, and nothing is outside", async (texts, message) => {
  using box = openBox();
  box.session.entries = remoteEntries(...texts);
  box.session.content = () => Buffer.from("xx");
  const context = await box.contexts.open(SOURCE, box.options);
  expect(await context.files(ALL, box.options).then(() => "", messageOf)).toContain(message);
  await context.close();
  expect(readdirSync(join(box.root, "builder/contexts"))).toEqual([]);
  expect(readdirSync(box.root).sort()).toEqual(["builder", "client"]);
});

test.skipIf(!isRoot)("attack 44: a link that replaces a directory is not followed by what comes later", async () => {
  using box = openBox({ "d/a": "A" });
  await (await receive(box)).close();
  const outside = join(box.root, "outside");
  mkdirSync(outside);
  box.session.entries = remoteEntries(`d>${outside}`);
  const { source, close } = await receive(box);
  expect(readdirSync(outside)).toEqual([]);
  expect(lstatSync(join(source.directory, "d")).isSymbolicLink()).toBe(true);
  await close();
  box.session.entries = remoteEntries("d/", "d/a");
  box.session.content = () => Buffer.from("xx");
  const again = await receive(box);
  expect(readdirSync(outside)).toEqual([]);
  expect(show(again.source.directory)).toEqual(["d 644", "d/a 644 xx"]);
  await again.close();
});

test.skipIf(!isRoot)("the Dockerfile is read without the rest", async () => {
  using box = openBox({
    Dockerfile: "FROM x",
    "sub/Other": "FROM y",
    link: { to: "sub/Other" },
    out: { to: "../../etc/passwd" },
    "dir/": "",
  });
  const context = await box.contexts.open(SOURCE, box.options);
  const paths = ["Dockerfile", "link", ".dockerignore", "out"];
  const found = await context.readFiles(paths, 100, box.options.signal);
  expect(Object.fromEntries([...found].map(([path, bytes]) => [path, Buffer.from(bytes).toString()]))).toEqual({
    Dockerfile: "FROM x",
    link: "FROM y",
  });
  expect(box.session.requests).toEqual([{ name: "context", include: paths, exclude: [], followPaths: paths }]);
  const refused = (path: string, limit: number) =>
    context.readFiles([path], limit, box.options.signal).then(() => "", messageOf);
  expect(await refused("Dockerfile", 3)).toBe("Dockerfile is larger than 3 bytes");
  expect(await refused("dir", 100)).toBe("dir is not a regular file");
  await context.close();
  expect(existsSync(join(box.root, "builder/contexts"))).toBe(true);
});

test.skipIf(!isRoot)("a client that begins more files than any real one does is refused", async () => {
  using box = openBox(Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`f${at}`, "content"])));
  box.session.receive = async ({ name }, sink) => {
    expect(name).toBe("context");
    const entries = remoteEntries(...Array.from({ length: 300 }, (_, at) => `f${String(at).padStart(3, "0")}`));
    for (const [index, entry] of entries.entries()) sink.entry(entry, index);
    for (const index of entries.keys()) await sink.data(index, Buffer.from("x"));
  };
  const context = await box.contexts.open(SOURCE, box.options);
  const failed = await context.files(ALL, box.options).then(() => "", messageOf);
  expect(failed).toBe("build context: more than 256 files at the same time");
  await context.close();
  expect(readdirSync(join(box.root, "builder/contexts"))).toEqual([]);
});

test.skipIf(!isRoot)("a thousand large files are never open together", async () => {
  using box = openBox();
  for (let at = 0; at < 1000; at++) writeFileSync(join(box.client, `f${at}`), Buffer.alloc(70_000, at));
  const open = () => readdirSync("/proc/self/fd").length;
  const before = open();
  let most = 0;
  const content = box.session.content;
  box.session.content = (path) => {
    most = Math.max(most, open());
    return content(path);
  };
  const { source, close } = await receive(box);
  expect(most - before).toBeLessThan(100);
  expect(source.entries.length).toBe(1000);
  expect(readFileSync(join(source.directory, "f999")).equals(Buffer.alloc(70_000, 999))).toBe(true);
  await close();
});

test.skipIf(!isRoot)("a client that cannot send directories is told so", async () => {
  using box = openBox();
  const opening = box.contexts.open(SOURCE, { ...box.options, session: undefined });
  expect(await opening.then(() => "", messageOf)).toBe("the client of this build cannot send the directory context");
});

/** cap_net_bind_service=ep */
const CAPABILITY = Buffer.from("0100000200040000000000000000000000000000", "hex");
const keyOf = (source: FileSource) =>
  entriesKey(new EntryTree(source), { path: "/", wildcards: false, optional: false }, { parents: false, exclude: [] });

test.skipIf(!isRoot)("capabilities and attributes of a user come along, and change what a COPY reads", async () => {
  using box = openBox({ ...FILES, large: "x".repeat(100_000) });
  const before = await receive(box);
  const key = keyOf(before.source);
  await before.close();
  const main = join(box.client, "app/main");
  setXattr(main, "security.capability", CAPABILITY);
  setXattr(main, "trusted.secret", Buffer.from("of the host"));
  setXattr(join(box.client, "large"), "user.a b=c", Buffer.from("value"));
  linkSync(main, join(box.client, "further"));
  box.session.wanted.length = 0;
  const { source, close } = await receive(box);
  expect(box.session.wanted.sort()).toEqual(["app/main", "large"]);
  const at = (path: string) => join(source.directory, path);
  expect(getXattr(at("app/main"), "security.capability")?.equals(CAPABILITY)).toBe(true);
  expect(getXattr(at("further"), "security.capability")?.equals(CAPABILITY)).toBe(true);
  expect(getXattr(at("app/main"), "trusted.secret")).toBeUndefined();
  expect(getXattr(at("large"), "user.a b=c")?.toString()).toBe("value");
  rmSync(join(box.client, "further"));
  expect(keyOf(source)).not.toBe(key);
  await close();
  // A daemon that starts anew knows them from its table of contents.
  box.session.wanted.length = 0;
  const again = await receive(box, box.reopen());
  expect(box.session.wanted).toEqual([]);
  await again.close();
  setXattr(main, "security.capability", Buffer.from(CAPABILITY).fill(8, 5, 6));
  const changed = await receive(box);
  expect(box.session.wanted).toEqual(["app/main"]);
  expect(keyOf(changed.source)).not.toBe(keyOf(source));
  await changed.close();
});

test.skipIf(!isRoot)("a capability that the kernel does not take is the client's fault", async () => {
  using box = openBox();
  const [entry] = remoteEntries("f") as [RemoteEntry];
  entry.xattrs.set("security.capability", Buffer.from("nonsense"));
  const session = {
    ...box.session,
    async receive(_: DirectoryRequest, sink: DirectorySink) {
      if (sink.entry(entry, 0)) await sink.data(0, Buffer.from("ab"));
      await sink.end(0);
    },
  };
  const context = await box.contexts.open(SOURCE, { ...box.options, session });
  const failed = context.files(ALL, box.options).catch(messageOf);
  expect(await failed).toBe("build context: attribute security.capability of f: EINVAL");
  await context.close();
});
