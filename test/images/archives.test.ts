import { expect, test } from "bun:test";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { digestOf } from "../../src/formats/oci/digest.ts";
import { encodeEnd, encodeEntry, packFile } from "../../src/formats/tar/packer.ts";
import { archiveOf, collect, configOf, dockerArchive, failure, isRoot, load, openFixture, pieces } from "./fixture.ts";
import { isInstalled, run, skopeo } from "./tools.ts";

const signal = new AbortController().signal;
const layer = (name: string, text = name) =>
  Buffer.concat([packFile({ name, mode: 0o644 }, Buffer.from(text)), encodeEnd()]);

test.skipIf(!isRoot)("an image comes back from save with the same digests, names and config", async () => {
  await using from = await openFixture();
  await using to = await openFixture();
  const layers = [layer("a"), layer("b")];
  const messages = await load(from.images, dockerArchive(layers, ["one:1", "host:5000/two:x"]));
  expect(messages.map(({ stream }) => stream)).toEqual(["Loaded image: one:1\n", "Loaded image: host:5000/two:x\n"]);
  const saved = await collect(await from.images.save(["one:1", "host:5000/two:x"], { signal }));
  await load(to.images, saved);
  const before = await from.images.get("one:1");
  const after = await to.images.get("host:5000/two:x");
  expect(after).toEqual({ ...before, lastTaggedAt: after.lastTaggedAt as Date });
  expect(
    to.content
      .list()
      .map(({ digest }) => digest)
      .sort(),
  ).toEqual(
    from.content
      .list()
      .map(({ digest }) => digest)
      .sort(),
  );
  expect(await collect(await to.images.save(["one:1", "host:5000/two:x"], { signal }))).toEqual(saved);
});

if (!skopeo) console.log("(skip) test/images: skopeo is not installed");
test.skipIf(!isRoot || !skopeo)("skopeo reads what save writes, and load reads what skopeo writes", async () => {
  await using fixture = await openFixture();
  await load(fixture.images, dockerArchive([layer("a"), layer("b")], ["one:1"]));
  const { config } = await fixture.images.get("one:1");
  const archive = join(fixture.root, "saved.tar");
  writeFileSync(archive, await collect(await fixture.images.save(["one:1"], { signal })));
  for (const target of ["docker-archive:d.tar:two:2", "oci-archive:o.tar:three:3", "oci-archive:plain.tar"]) {
    await run(["skopeo", "--insecure-policy", "copy", "-q", `docker-archive:${archive}`, target], fixture.root);
  }
  for (const [file, name] of [
    ["d.tar", "two:2"],
    ["o.tar", "three:3"],
    ["plain.tar", undefined],
  ] as const) {
    await using other = await openFixture();
    await load(other.images, readFileSync(join(fixture.root, file)));
    // Its conversion rewrites the config; the layers stay.
    const [image] = await other.images.list({ all: true, filters: {} });
    expect(image?.repoTags).toEqual(name === undefined ? [] : [name]);
    expect(image?.config).toEqual(config);
    await run(["skopeo", "--insecure-policy", "copy", "-q", `oci:${other.root}/content`, "dir:out"], other.root);
  }
});

test.skipIf(!isRoot).each(["gzip", "xz", "bzip2", "zstd"])(
  "an archive compressed with %s is loaded",
  async (program) => {
    if (!isInstalled(program)) return;
    await using fixture = await openFixture();
    const file = join(fixture.root, "a.tar");
    writeFileSync(file, dockerArchive([layer("a")], ["one:1"]));
    const packed = await run([program, "-c", file], fixture.root);
    await load(fixture.images, packed);
    expect((await fixture.images.get("one:1")).repoTags).toEqual(["one:1"]);
    if (program !== "gzip")
      expect(await failure(load(fixture.images, packed.subarray(0, packed.length - 20)))).toBeString();
  },
);

const config = configOf([layer("a")]);
const listing = (Layers: string[], Config = "c.json") => JSON.stringify([{ Config, RepoTags: ["x:1"], Layers }]);
const symlinked = Buffer.concat([
  encodeEntry({ type: "symlink", name: "1/layer.tar", linkName: "../../../etc/passwd", mode: 0o777, sizeBytes: 0 }),
  archiveOf({ "c.json": config, "manifest.json": listing(["1/layer.tar"]) }),
]);

test.skipIf(!isRoot).each<[string, Buffer]>([
  ["nothing", Buffer.alloc(0)],
  ["an empty tar", encodeEnd()],
  ["a tar of something else", archiveOf({ file: "x" })],
  ["a member outside", archiveOf({ "../c.json": config })],
  ["a layer outside", archiveOf({ "c.json": config, "manifest.json": listing(["../../etc/passwd"]) })],
  ["an absolute layer", archiveOf({ "c.json": config, "manifest.json": listing(["/etc/passwd"]) })],
  ["a config outside", archiveOf({ "manifest.json": listing([], "../../etc/passwd") })],
  ["a symlinked layer", symlinked],
  [
    "duplicate keys",
    archiveOf({ "c.json": config.replace('"os"', '"os":"a","os"'), l: layer("a"), "manifest.json": listing(["l"]) }),
  ],
  ["a manifest.json of 20 MB", archiveOf({ "manifest.json": `[${" ".repeat(20 << 20)}]` })],
  ["JSON nested 10,000 deep", archiveOf({ "manifest.json": "[".repeat(10_000) })],
  [
    "manifest.json twice",
    Buffer.concat([
      packFile({ name: "manifest.json", mode: 0o644 }, Buffer.from("[]")),
      archiveOf({ "./manifest.json": "[]" }),
    ]),
  ],
  ["a wrong diff id", archiveOf({ "c.json": config, l: layer("b"), "manifest.json": listing(["l"]) })],
  ["fewer layers than diff ids", archiveOf({ "c.json": config, "manifest.json": listing([]) })],
  [
    "an upper case name",
    archiveOf({ "c.json": config, l: layer("a"), "manifest.json": listing(["l"]).replace("x:1", "X:1") }),
  ],
  ["a blob that is not its digest", ociArchive({ corrupt: true })],
  ["a manifest that is an index too", ociArchive({ both: true })],
])("load refuses %s and leaves nothing", async (_name, archive) => {
  await using fixture = await openFixture();
  expect(await failure(load(fixture.images, archive))).toBeString();
  expect(fixture.content.list()).toEqual([]);
  expect(fixture.snapshots.listLayers()).toEqual([]);
  expect(readdirSync(join(fixture.root, "content/ingest"))).toEqual([]);
});

function ociArchive(fault: { corrupt?: boolean; both?: boolean }): Buffer {
  const bytes = layer("a");
  const describe = (mediaType: string, blob: string | Buffer) => ({
    mediaType,
    digest: digestOf(blob),
    size: Buffer.byteLength(blob),
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    config: describe("application/vnd.oci.image.config.v1+json", config),
    layers: [describe("application/vnd.oci.image.layer.v1.tar", bytes)],
    ...(fault.both === true ? { manifests: [] } : {}),
  });
  const index = { schemaVersion: 2, manifests: [describe("application/vnd.oci.image.manifest.v1+json", manifest)] };
  const name = (blob: string | Buffer) => `blobs/sha256/${digestOf(blob).slice(7)}`;
  return archiveOf({
    [name(bytes)]: fault.corrupt === true ? layer("b") : bytes,
    [name(config)]: config,
    [name(manifest)]: manifest,
    "index.json": JSON.stringify(index),
  });
}

test.skipIf(!isRoot)("an OCI layout without names is loaded by ID", async () => {
  await using fixture = await openFixture();
  expect(await load(fixture.images, ociArchive({}))).toEqual([{ stream: `Loaded image ID: ${digestOf(config)}\n` }]);
});

test.skipIf(!isRoot)("two loads of one image at once, and a removal in between, leave a whole store", async () => {
  await using fixture = await openFixture();
  const archive = dockerArchive([layer("a"), layer("b", "x".repeat(3 << 20))], ["one:1"]);
  for (let round = 0; round < 5; round++) {
    await Promise.all([
      load(fixture.images, pieces(archive, 5000)),
      load(fixture.images, archive),
      fixture.images.remove("one:1", { force: true, prune: true }).catch(() => undefined),
    ]);
    const { chainId, id } = await fixture.images.get("one:1");
    expect(fixture.snapshots.has(chainId as string)).toBe(true);
    await collect(await fixture.images.save([id], { signal }));
  }
  await fixture.images.remove("one:1", { force: false, prune: true });
  expect([fixture.content.list(), fixture.snapshots.listLayers()]).toEqual([[], []]);
});

test.skipIf(!isRoot)("import makes an image of one layer, with changes", async () => {
  await using fixture = await openFixture();
  const id = await fixture.images.import(pieces(layer("etc/motd", "hello")), {
    repository: "imported",
    tag: "",
    message: "",
    changes: ['CMD ["/bin/sh"]', "ENV A=1", "LABEL a=b"],
    source: "-",
    signal,
  });
  const image = await fixture.images.get("imported");
  expect([image.id, image.comment, image.config.command, image.config.labels.a]).toEqual([
    id,
    "Imported from -",
    ["/bin/sh"],
    "b",
  ]);
  expect(fixture.events).toEqual(["import"]);
});

test.skipIf(!isRoot)("a volume is filled with what the image holds there", async () => {
  await using fixture = await openFixture();
  const owned = { uid: 33, gid: 44 };
  const archive = Buffer.concat([
    encodeEntry({ type: "directory", name: "data", mode: 0o750, sizeBytes: 0, ...owned }),
    packFile(
      {
        name: "data/f",
        mode: 0o4711,
        ...owned,
        xattrs: [{ name: Buffer.from("user.x"), value: Buffer.from([0, 255]) }],
      },
      Buffer.from("content"),
    ),
    encodeEntry({ type: "hardlink", name: "data/again", linkName: "data/f", mode: 0o644, sizeBytes: 0 }),
    encodeEntry({ type: "symlink", name: "data/s", linkName: "/etc/passwd", mode: 0o777, sizeBytes: 0 }),
    encodeEntry({ type: "symlink", name: "moved", linkName: "/data", mode: 0o777, sizeBytes: 0 }),
    encodeEnd(),
  ]);
  await load(fixture.images, dockerArchive([archive], ["one:1"]));
  await fixture.snapshots.prepare("key", (await fixture.images.get("one:1")).chainId);
  const target = join(fixture.root, "volume");
  mkdirSync(target);
  await fixture.images.copyUp("key", "/moved", target);
  const [directory, file] = [lstatSync(target), lstatSync(join(target, "f"))];
  expect([directory.mode & 0o7777, directory.uid, directory.gid]).toEqual([0o750, 33, 44]);
  expect([file.mode & 0o7777, file.uid, file.nlink, readFileSync(join(target, "f"), "utf8")]).toEqual([
    0o4711,
    33,
    2,
    "content",
  ]);
  expect(lstatSync(join(target, "s")).isSymbolicLink()).toBe(true);
  await fixture.images.copyUp("key", "/nothing", target);
  expect(existsSync(join(fixture.root, "snapshots/empty/data"))).toBe(false);
});

test.skipIf(!isRoot)("the event loop stays free while layers are unpacked", async () => {
  await using fixture = await openFixture();
  const big = Array.from({ length: 3 }, (_, at) => layer(`f${at}`, String(at).repeat(60 << 20)));
  const archive = dockerArchive(big, ["big:1"]);
  let worstMs = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    worstMs = Math.max(worstMs, performance.now() - last - 5);
    last = performance.now();
  }, 5);
  const startedAt = performance.now();
  await load(fixture.images, pieces(archive));
  clearInterval(timer);
  // Of a busy machine's time everybody gets a part: the bound grows with how long it all took.
  expect(worstMs).toBeLessThan(Math.max(250, (performance.now() - startedAt) / 3));
});

test.skipIf(!isRoot)(
  "after kill -9 during loads the store is whole, and holds nothing that nobody refers to",
  async () => {
    await using fixture = await openFixture();
    const root = join(fixture.root, "victim");
    const archive = join(fixture.root, "archive.tar");
    writeFileSync(
      archive,
      dockerArchive([layer("a", "a".repeat(20 << 20)), layer("b", "b".repeat(20 << 20))], ["one:1"]),
    );
    for (const delayMs of [20, 60, 90, 120, 150, 200, 300]) {
      const child = Bun.spawn([process.execPath, join(import.meta.dir, "load-child.ts"), root, archive], {
        stdout: "ignore",
      });
      await Bun.sleep(delayMs);
      child.kill("SIGKILL");
      await child.exited;
      const opened = await openFixture(root);
      const images = await opened.images.list({ all: true, filters: {} });
      expect(opened.snapshots.listLayers().length).toBe(images.length === 0 ? 0 : 2);
      expect(opened.content.list().length).toBe(images.length === 0 ? 0 : 4);
      for (const { id } of images) await collect(await opened.images.save([id], { signal }));
      expect(readdirSync(join(root, "snapshots")).filter((name) => name.startsWith("staged"))).toEqual([]);
      await opened.snapshots.close();
    }
  },
);

test.skipIf(!isRoot)("what a name resolved to is a repository digest, is found by it, and is kept alive", async () => {
  await using fixture = await openFixture();
  const { images, content } = fixture;
  await load(images, dockerArchive([layer("a")], ["one:1"]));
  const entry = images.library.find("one:1");
  const { digest: target } = await content.put(Buffer.from('{"schemaVersion":2,"manifests":[]}'));
  const reference = { domain: "docker.io", path: "library/one", tag: "2" };
  await images.store.install({ row: entry.row, references: [reference], target, signal });
  await images.store.collect();
  expect(content.has(target)).toBe(true);
  const image = await images.get(`one@${target}`);
  expect(image.repoTags).toEqual(["one:1", "one:2"]);
  expect(image.repoDigests).toEqual([`one@${target}`]);
  await images.remove(`one@${target}`, { force: false, prune: true });
  expect((await images.get(`one@${target}`)).repoDigests).toEqual([]);
  await images.remove("one:2", { force: false, prune: true });
  await images.store.collect();
  expect(content.has(target)).toBe(false);
});
