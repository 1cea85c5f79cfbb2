import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeNodeAt, S_IFCHR } from "../../src/kernel/files.ts";
import { setXattr } from "../../src/kernel/xattr.ts";
import { makeDeepTree } from "../harness/deep-tree.ts";
import { type Fixture, failure, isRoot, openFixture } from "./fixture.ts";
import { run } from "./tools.ts";

async function commit(
  { snapshots }: Fixture,
  chainId: string,
  parent: string | undefined,
  files: string[],
): Promise<void> {
  const staged = await snapshots.stage();
  for (const file of files) {
    mkdirSync(join(staged.path, file, ".."), { recursive: true });
    writeFileSync(join(staged.path, file), `${chainId} ${file}`);
  }
  await staged.commit({ chainId, parent, sizeBytes: files.length });
}

test.skipIf(!isRoot)(
  "layers are stacked, protected while they are in use, and found again after a restart",
  async () => {
    await using fixture = await openFixture();
    const { snapshots, root } = fixture;
    await commit(fixture, "base", undefined, ["a", "etc/b"]);
    await commit(fixture, "top", "base", ["c"]);
    const mount = await snapshots.prepare("key", "top");
    expect(mount).toMatchObject({ kind: "overlay", cwd: join(root, "snapshots") });
    expect(await failure(snapshots.prepare("key", "top"))).toBe("snapshot key exists already");
    expect(await failure(snapshots.prepare("other", "nothing"))).toBe("layer nothing does not exist");
    expect(await failure(snapshots.removeLayer("top"))).toBe("layer top is in use");
    expect(await failure(snapshots.removeLayer("base"))).toBe("layer base is in use");
    expect(await failure(snapshots.prepare("../x", "top"))).toContain("invalid snapshot key");
    await snapshots.stage();
    await using again = await openFixture(root);
    expect(again.snapshots.listLayers().sort()).toEqual(["base", "top"]);
    expect(again.snapshots.mounts("key")).toEqual(mount);
    expect(readdirSync(join(root, "snapshots")).filter((name) => name.startsWith("staged"))).toEqual([]);
  },
);

test.skipIf(!isRoot)("the merged view is what the kernel shows", async () => {
  await using fixture = await openFixture();
  const { snapshots, root } = fixture;
  await commit(fixture, "base", undefined, ["gone", "dir/hidden", "dir/sub/x", "file", "replaced/x"]);
  const staged = await snapshots.stage();
  makeNodeAt(-100, join(staged.path, "gone"), S_IFCHR, { major: 0, minor: 0 });
  mkdirSync(join(staged.path, "dir"));
  setXattr(join(staged.path, "dir"), "trusted.overlay.opaque", Buffer.from("y"));
  writeFileSync(join(staged.path, "dir/new"), "new");
  writeFileSync(join(staged.path, "replaced"), "now a file");
  await staged.commit({ chainId: "top", parent: "base", sizeBytes: 0 });
  await snapshots.prepare("key", "top");
  const mount = snapshots.mounts("key");
  if (mount.kind !== "overlay") throw new Error("no overlay");
  const script = `mount -t overlay none -o "$1" "$2" && cd "$2" && echo w > written && rm file && find . -type f | sort | while read f; do echo "$f:$(cat "$f")"; done`;
  const target = join(root, "mnt");
  mkdirSync(target);
  const shown = (await run(["unshare", "-m", "sh", "-c", script, "sh", mount.data, target], mount.cwd))
    .toString()
    .trim();
  const lines = shown.split("\n").map((line) => line.split(":") as [string, string]);
  expect(lines.map(([name]) => name)).toEqual(["./dir/new", "./replaced", "./written"]);
  for (const [name, content] of lines) {
    expect(
      Buffer.from((await snapshots.readFile("key", name, 100)) ?? [])
        .toString()
        .trim(),
    ).toBe(content);
  }
  for (const name of ["gone", "file", "dir/hidden", "dir/sub/x", "replaced/x"]) {
    expect(await snapshots.readFile("key", name, 100)).toBeUndefined();
  }
  expect(await failure(snapshots.readFile("key", "replaced", 3))).toContain("larger than 3 bytes");
  expect(await snapshots.usage("key")).toBe(2);
});

test.skipIf(!isRoot)("a volatile layer is mounted a second time", async () => {
  await using fixture = await openFixture();
  const { snapshots, root } = fixture;
  await commit(fixture, "base", undefined, ["a"]);
  await snapshots.prepare("key", "base", { volatile: true });
  mkdirSync(join(root, "mnt"));
  for (let round = 0; round < 2; round++) {
    const mount = snapshots.mounts("key");
    if (mount.kind !== "overlay") throw new Error("no overlay");
    const argv = ["unshare", "-m", "mount", "-t", "overlay", "none", "-o", mount.data, join(root, "mnt")];
    await run(argv, mount.cwd);
  }
});

test.skipIf(!isRoot)("a tree deeper than any path is deleted", async () => {
  await using fixture = await openFixture();
  const { snapshots, root } = fixture;
  const staged = await snapshots.stage();
  makeDeepTree(staged.path, 1500);
  await staged.discard();
  const trash = join(root, "snapshots/trash");
  for (const deadline = Date.now() + 10_000; readdirSync(trash).length > 0 && Date.now() < deadline; )
    await Bun.sleep(10);
  expect(readdirSync(trash)).toEqual([]);
});

test.skipIf(!isRoot)("content is a valid layout, and what is damaged does not enter", async () => {
  await using fixture = await openFixture();
  const { content, root } = fixture;
  const ingest = await content.ingest();
  await ingest.write(Buffer.from("abc"));
  expect(await failure(ingest.commit({ sizeBytes: 4 }))).toBe("unexpected size 3, expected 4");
  expect(existsSync(ingest.path)).toBe(false);
  const [one, two] = await Promise.all([content.put(Buffer.from("abc")), content.put(Buffer.from("abc"))]);
  expect(one).toEqual(two);
  expect(readFileSync(one.path, "utf8")).toBe("abc");
  expect(await failure(content.read(one.digest, 2))).toContain("larger than 2 bytes");
  expect(JSON.parse(readFileSync(join(root, "content/oci-layout"), "utf8"))).toEqual({ imageLayoutVersion: "1.0.0" });
  await content.remove(one.digest);
  expect(content.has(one.digest)).toBe(false);
});
