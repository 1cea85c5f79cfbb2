import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../src/base/errors.ts";
import type { ContextOptions, OpenContext } from "../../src/builder/contexts/contexts.ts";
import { getXattr, setXattr } from "../../src/kernel/xattr.ts";
import { ALL, FILES, openBox, receive, SOURCE, show } from "./context-box.ts";
import { isRoot, writeFiles } from "./world.ts";

async function archiveFiles(context: OpenContext, options: ContextOptions, exclude: string[] = []): Promise<string[]> {
  return show((await context.files({ ...ALL, exclude }, options)).directory);
}

function tar(directory: string, compress: string[]): Uint8Array {
  const packed = Bun.spawnSync(["tar", "-C", directory, ...compress, "-c", "."]);
  if (packed.exitCode !== 0) throw new Error(packed.stderr.toString());
  return packed.stdout;
}

async function* pieces(bytes: Uint8Array, step = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
}

test.skipIf(!isRoot).each([[[]], [["-z"]], [["-J"]], [["-j"]]])(
  "an archive (tar %p) is unpacked once, patterns apply",
  async (compress) => {
    using box = openBox(FILES);
    utimesSync(join(box.client, "app"), 1000, 1000);
    const context = await box.contexts.open(
      { kind: "archive", archive: pieces(tar(box.client, compress)) },
      box.options,
    );
    expect(context.onlyDockerfile).toBeUndefined();
    const found = await context.readFiles(["Dockerfile", "none"], 100, box.options.signal);
    expect([...found.keys()]).toEqual(["Dockerfile"]);
    expect(await archiveFiles(context, box.options)).toEqual(show(box.client));
    expect(await archiveFiles(context, box.options, ["app", "!app/main", "empty"])).toEqual([
      "Dockerfile 644 FROM scratch",
      "app 755",
      "app/main 755 main",
      "other name 644 FROM scratch",
    ]);
    await context.close();
    expect(readdirSync(join(box.root, "builder/scratch"))).toEqual([]);
  },
);

test.skipIf(!isRoot)("text is a Dockerfile by itself, zeros are an empty archive", async () => {
  using box = openBox();
  const text = await box.contexts.open({ kind: "archive", archive: pieces(Buffer.from("FROM x\n")) }, box.options);
  expect(Buffer.from(text.onlyDockerfile as Uint8Array).toString()).toBe("FROM x\n");
  expect(await archiveFiles(text, box.options)).toEqual([]);
  await text.close();
  const empty = await box.contexts.open({ kind: "archive", archive: pieces(new Uint8Array(1024)) }, box.options);
  expect(empty.onlyDockerfile).toBeUndefined();
  expect(await archiveFiles(empty, box.options)).toEqual([]);
  await empty.close();
  expect(readdirSync(join(box.root, "builder/scratch"))).toEqual([]);
});

test.skipIf(!isRoot)(
  "attack 44: an archive with names that climb is refused, through links nothing leaves",
  async () => {
    using box = openBox({ f: "evil" });
    const outside = join(box.root, "outside");
    mkdirSync(outside);
    const make = (...transforms: string[]) =>
      Bun.spawnSync(["tar", "-P", "-C", box.client, ...transforms.map((one) => `--transform=${one}`), "-c", "f"])
        .stdout;
    const climbing = await box.contexts.open(
      { kind: "archive", archive: pieces(make("s,^f,../../outside/f,")) },
      box.options,
    );
    expect(await climbing.files(ALL, box.options).then(() => "", messageOf)).toContain("is outside of the root");
    await climbing.close();
    // A link out, then a file through it.
    writeFiles(box.client, { l: { to: outside } });
    const link = Bun.spawnSync(["tar", "-C", box.client, "-c", "l"]).stdout;
    const file = make("s,^f,l/f,");
    const both = Buffer.concat([link.subarray(0, 512), file]);
    const through = await box.contexts.open({ kind: "archive", archive: pieces(both) }, box.options);
    await through.files(ALL, box.options).catch(() => undefined);
    await through.close();
    expect(readdirSync(outside)).toEqual([]);
  },
);

test.skipIf(!isRoot)("attack 44: a Dockerfile that is a pipe, a link out or too large is refused at once", async () => {
  using box = openBox({ out: { to: "/etc/passwd" }, climbing: { to: "../../../etc/passwd" }, loop: { to: "loop" } });
  expect(Bun.spawnSync(["mkfifo", join(box.client, "pipe")]).exitCode).toBe(0);
  expect(Bun.spawnSync(["truncate", "-s", "1G", join(box.client, "huge")]).exitCode).toBe(0);
  const archive = pieces(tar(box.client, ["-S"]));
  const packed = await box.contexts.open({ kind: "archive", archive }, box.options);
  const sent = await box.contexts.open(SOURCE, box.options);
  for (const context of [packed, sent]) {
    const read = (path: string) => context.readFiles([path], 1000, box.options.signal);
    expect(await read("pipe").then(() => "", messageOf)).toBe("pipe is not a regular file");
    expect(await read("huge").then(() => "", messageOf)).toBe("huge is larger than 1000 bytes");
    expect(await read("loop").then(() => "", messageOf)).toBe("/loop: too many links");
    // Inside there is no such file.
    expect((await read("out")).size).toBe(0);
    expect((await read("climbing")).size).toBe(0);
    await context.close();
  }
});

test.skipIf(!isRoot)("attack 44: an ignore pattern that climbs brings nothing in", async () => {
  using box = openBox({ a: "A", b: "B" });
  writeFileSync(join(box.root, "secret"), "S");
  const { source, close } = await receive(box, box.contexts, { exclude: ["*", "!../secret", "!b"] });
  expect(show(source.directory)).toEqual(["b 644 B"]);
  await close();
});

test.skipIf(!isRoot)("attributes of an archive's files come along, and count", async () => {
  using box = openBox(FILES);
  const capability = Buffer.from("0100000200040000000000000000000000000000", "hex");
  setXattr(join(box.client, "app/main"), "security.capability", capability);
  setXattr(join(box.client, "app"), "user.of", Buffer.from("directory"));
  const archive = tar(box.client, ["--xattrs", "--xattrs-include=*"]);
  const context = await box.contexts.open({ kind: "archive", archive: pieces(archive) }, box.options);
  const { directory, entries } = await context.files(ALL, box.options);
  expect(getXattr(join(directory, "app/main"), "security.capability")?.equals(capability)).toBe(true);
  const counted = entries.flatMap(({ path, xattrs }) => (xattrs === undefined ? [] : `${path} ${xattrs}`));
  expect(counted).toEqual([
    `app user.of=${Buffer.from("directory").toString("hex")}`,
    `app/main security.capability=${capability.toString("hex")}`,
  ]);
  await context.close();
});

test.skipIf(!isRoot)("a name of an archive that is not UTF-8 is refused, and said", async () => {
  using box = openBox();
  writeFileSync(Buffer.concat([Buffer.from(`${box.client}/na`), Buffer.from([0xef]), Buffer.from("ve")]), "x");
  const context = await box.contexts.open({ kind: "archive", archive: pieces(tar(box.client, [])) }, box.options);
  expect(await context.files(ALL, box.options).then(() => "", messageOf)).toBe('the name "na\ufffdve" is not UTF-8');
  await context.close();
});
