import { expect, test } from "bun:test";
import { join } from "node:path";
import { chainIds } from "../../src/formats/oci/chain-id.ts";
import { digestOf } from "../../src/formats/oci/digest.ts";
import { failure, isRoot, openFixture } from "../images/fixture.ts";
import { descend, fileBytes, image, indexed, layer } from "./store.ts";

const rootTest = test.skipIf(!isRoot);
const gently = { force: false, prune: true };
const chainOf = (names: string[]) => chainIds(names.map((name) => digestOf(layer(name))));

rootTest("an unnamed parent goes with the last image that was made of it", async () => {
  await using fixture = await openFixture();
  const { images } = fixture;
  const base = await image(fixture, "base:1", ["a"]);
  const child = await image(fixture, "child:1", ["a", "b"]);
  await descend(fixture, child, base);
  expect(await failure(images.remove(base, gently))).toBe(
    `conflict: unable to delete ${base.slice(7, 19)} (cannot be forced) - image has dependent child images`,
  );
  expect(await images.remove("base:1", gently)).toEqual([{ untagged: "base:1" }]);
  const shown = async (all: boolean) => (await images.list({ all, filters: {} })).map(({ id }) => id).sort();
  expect(await shown(false)).toEqual([child]);
  expect(await shown(true)).toEqual([base, child].sort());
  expect((await images.get(child)).parent).toBe(base);
  const [first, second] = chainOf(["a", "b"]);
  expect(await images.remove("child:1", gently)).toEqual([
    { untagged: "child:1" },
    { deleted: child },
    { deleted: second as string },
    { deleted: base },
    { deleted: first as string },
  ]);
  expect(fixture.content.list()).toEqual([]);
  expect(fixture.events.slice(-3)).toEqual(["untag", "delete", "delete"]);
});

rootTest("--no-prune keeps the unnamed parent", async () => {
  await using fixture = await openFixture();
  const base = await image(fixture, undefined, ["a"]);
  const child = await image(fixture, "child:1", ["a", "b"]);
  await descend(fixture, child, base);
  await fixture.images.remove("child:1", { force: false, prune: false });
  expect((await fixture.images.list({ all: false, filters: {} })).map(({ id }) => id)).toEqual([base]);
});

rootTest("a digest is a name of its own: it goes alone, or with the last tag of its repository", async () => {
  await using fixture = await openFixture();
  const { images } = fixture;
  const id = await image(fixture, "one:1", ["a"]);
  const target = await indexed(fixture, "one:1", [id]);
  expect((await images.get(id)).repoDigests).toEqual([`one@${target}`]);
  expect(await images.remove(`one@${target}`, gently)).toEqual([{ untagged: `one@${target}` }]);
  expect((await images.get(id)).repoDigests).toEqual([]);
  await indexed(fixture, "one:1", [id]);
  await images.tag("one:1", "two:1");
  expect((await images.get("two:1")).repoDigests).toEqual([`one@${target}`]);
  expect(await images.remove("one:1", gently)).toEqual([{ untagged: "one:1" }, { untagged: `one@${target}` }]);
});

rootTest("images of other platforms live as long as a name has their index", async () => {
  await using fixture = await openFixture();
  const { images, content } = fixture;
  const host = await image(fixture, undefined, ["a", "host"]);
  const arm = await image(fixture, undefined, ["a", "arm"], { architecture: "arm" });
  const target = await indexed(fixture, "many:1", [host, arm]);
  await images.tag("many:1", "other:1");
  await images.store.collect();
  expect((await images.list({ all: false, filters: {} })).map(({ id }) => id)).toEqual([host]);
  expect((await images.prune({})).removed).toEqual([]);
  expect(await images.remove("many:1", gently)).toEqual([{ untagged: "many:1" }, { untagged: `many@${target}` }]);
  expect(content.has(target)).toBe(true);
  const removed = await images.remove("other:1", gently);
  expect(removed).toContainEqual({ deleted: arm });
  expect(removed).toContainEqual({ deleted: host });
  expect(content.list()).toEqual([]);
});

rootTest("rmi --platform takes one platform; the name goes with the last", async () => {
  await using fixture = await openFixture();
  const { images } = fixture;
  const host = await image(fixture, undefined, ["host"]);
  const arm = await image(fixture, undefined, ["arm"], { architecture: "arm" });
  const target = await indexed(fixture, "many:1", [host, arm]);
  expect(await failure(images.remove("many:1", { ...gently, platforms: ["linux/s390x"] }))).toBe(
    "image with reference many:1 was found but does not provide the specified platform (linux/s390x)",
  );
  const own = (await images.get(host)).config.architecture;
  expect(await images.remove("many:1", { ...gently, platforms: [`linux/${own}`] })).toEqual([
    { deleted: host },
    { deleted: chainOf(["host"])[0] as string },
  ]);
  expect((await images.get("many:1")).id).toBe(arm);
  expect(await images.remove("many:1", { ...gently, platforms: ["linux/arm"] })).toEqual([
    { untagged: "many:1" },
    { untagged: `many@${target}` },
    { deleted: arm },
    { deleted: chainOf(["arm"])[0] as string },
  ]);
});

rootTest("prune removes what has no tag, and tells exactly what the disk got back", async () => {
  await using fixture = await openFixture();
  const { images, root, users } = fixture;
  await image(fixture, "kept:1", ["a"]);
  const old = await image(fixture, "moved:1", ["a", "b"], { created: "2020-01-01T00:00:00Z" });
  await image(fixture, "moved:1", ["a", "c"], { config: { Labels: { keep: "yes" } } });
  const before = fileBytes(join(root, "content/blobs")) + layerBytes(root);
  const pruned = await images.prune({});
  expect(pruned.removed).toEqual([{ deleted: old }, { deleted: chainOf(["a", "b"])[1] as string }]);
  expect(before - pruned.reclaimedBytes).toBe(fileBytes(join(root, "content/blobs")) + layerBytes(root));
  expect(pruned.reclaimedBytes).toBeGreaterThan(0);
  expect(fixture.events.at(-1)).toBe("prune");

  const all = { dangling: ["false"] };
  expect((await images.prune({ ...all, "label!": ["keep"], label: ["keep"] })).removed).toEqual([]);
  expect((await images.prune({ ...all, until: ["2019-01-01T00:00:00Z"] })).removed).toEqual([]);
  users.push({ id: "c".repeat(64), running: false });
  expect((await images.prune(all)).removed).toEqual([]);
  users.pop();
  const { removed } = await images.prune(all);
  expect(removed.filter((one) => "untagged" in one)).toEqual([{ untagged: "moved:1" }, { untagged: "kept:1" }]);
  expect(fixture.content.list()).toEqual([]);
  expect(await failure(images.prune({ nonsense: ["1"] }))).toBe("invalid filter 'nonsense'");
  expect(await failure(images.prune({ dangling: ["perhaps"] }))).toBe("invalid filter 'dangling=[perhaps]'");
});

/** Files in the layers; their records are not counted as space of images. */
function layerBytes(root: string): number {
  return ["1", "2", "3", "4", "5", "6", "7", "8", "9"].reduce((total, number) => {
    try {
      return total + fileBytes(join(root, "snapshots", number, "fs"));
    } catch {
      return total;
    }
  }, 0);
}
