import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { archiveOf, dockerArchive, type Fixture, isRoot, load, openFixture } from "./fixture.ts";

/** Directories of committed layers. */
function layers({ root }: Fixture): string[] {
  return readdirSync(join(root, "snapshots")).filter((name) => /^\d+$/.test(name));
}

/** As the disk may be after a power cut: the names are there, the files' bytes are not, the mark is of a run that has ended. */
function cutPower(fixture: Fixture): void {
  for (const name of layers(fixture)) {
    const layer = join(fixture.root, "snapshots", name);
    writeFileSync(join(layer, "unsettled"), "this");
    for (const file of ["fs/etc/motd", "fs/upper"]) if (existsSync(join(layer, file))) truncateSync(join(layer, file));
  }
}

const image = dockerArchive([archiveOf({ "etc/motd": "welcome" })], ["image:1"]);

test.skipIf(!isRoot)("a layer is usable at once and durable a little later", async () => {
  await using fixture = await openFixture();
  await load(fixture.images, image);
  const [layer = ""] = layers(fixture);
  expect(readFileSync(join(fixture.root, "snapshots", layer, "fs/etc/motd"), "utf8")).toBe("welcome");
  await fixture.snapshots.settle();
  expect(existsSync(join(fixture.root, "snapshots", layer, "unsettled"))).toBe(false);
});

test.skipIf(!isRoot)("after a power cut layers that were not durable are made anew, under containers too", async () => {
  await using fixture = await openFixture();
  await load(fixture.images, image);
  const [entry] = fixture.images.library.entries();
  const mount = await fixture.snapshots.prepare("container", entry?.view.chainId);
  await fixture.snapshots.settle();
  cutPower(fixture);
  await using next = await openFixture(fixture.root, "next");
  expect(next.images.library.entries()).toHaveLength(1);
  expect(layers(next)).toEqual(layers(fixture));
  expect(next.snapshots.mounts("container")).toEqual(mount);
  expect(Buffer.from((await next.snapshots.readFile("container", "/etc/motd", 100)) ?? []).toString()).toBe("welcome");
});

test.skipIf(!isRoot)("a daemon that was killed in the same run of the kernel trusts its layers", async () => {
  await using fixture = await openFixture();
  await load(fixture.images, image);
  await fixture.snapshots.settle();
  cutPower(fixture);
  await using next = await openFixture(fixture.root, "this");
  const [layer = ""] = layers(next);
  expect(readFileSync(join(next.root, "snapshots", layer, "fs/etc/motd"), "utf8")).toBe("");
});

test.skipIf(!isRoot)("an image whose blob is gone, too, is reported and left out", async () => {
  await using fixture = await openFixture();
  await load(fixture.images, image);
  await fixture.snapshots.settle();
  const [entry] = fixture.images.library.entries();
  cutPower(fixture);
  rmSync(fixture.content.stat(entry?.row.layers[0]?.digest as never)?.path ?? "");
  await using next = await openFixture(fixture.root, "next");
  expect(next.images.library.entries()).toEqual([]);
  expect(next.images.library.damaged()).toHaveLength(1);
});

test.skipIf(!isRoot)("an image that cannot be made anew takes nothing of the others along", async () => {
  await using fixture = await openFixture();
  const names = ["a", "b", "c", "d"];
  for (const name of names) {
    const layers = [archiveOf({ "etc/motd": name }), archiveOf({ upper: name })];
    await load(fixture.images, dockerArchive(layers, [`${name}:1`]));
  }
  await fixture.snapshots.settle();
  const entries = fixture.images.library.entries();
  // In whichever order they are opened, one of these comes before another image.
  const lost = new Set([entries[0], entries.toSorted((one, other) => one.row.id.localeCompare(other.row.id))[0]]);
  cutPower(fixture);
  for (const entry of lost) rmSync(fixture.content.stat(entry?.row.layers[1]?.digest as never)?.path ?? "");
  await using next = await openFixture(fixture.root, "next");
  expect(next.images.library.damaged()).toHaveLength(lost.size);
  expect(next.images.library.entries()).toHaveLength(names.length - lost.size);
});
