import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { checkImages } from "../../src/images/check-images.ts";
import { until } from "../harness/until.ts";
import { collect, dockerArchive, type Fixture, isRoot, load, openFixture } from "../images/fixture.ts";
import { fileBytes, layer, signal } from "./store.ts";

const rootTest = test.skipIf(!isRoot);
const gently = { force: false, prune: true };

/** Images by their records, blobs and layers; nothing else is there. */
async function expectSound({ images, content, snapshots, root }: Fixture): Promise<void> {
  expect(await checkImages({ library: images.library, content, snapshots })).toEqual([]);
  for (const { id } of await images.list({ all: true, filters: {} }))
    await collect(await images.save([id], { signal }));
  const needed = images.store.needed();
  expect(content.list().filter(({ digest }) => !needed.blobs.has(digest))).toEqual([]);
  expect(snapshots.listLayers().filter((chainId) => !needed.layers.has(chainId))).toEqual([]);
  expect(content.audit()).toEqual([]);
  await until("the trash is empty", () => readdirSync(join(root, "snapshots/trash")).length === 0);
  expect(await snapshots.audit()).toEqual({ strays: [], damaged: [], lost: [] });
  const bytes = content.list().reduce((total, { sizeBytes }) => total + sizeBytes, 0);
  expect(fileBytes(join(root, "content/blobs"))).toBe(bytes);
}

/** Runs `job` over and over until `others` are done. */
async function meanwhile(job: () => Promise<unknown>, others: Promise<unknown>): Promise<void> {
  let over = false;
  const end = others.finally(() => {
    over = true;
  });
  // A job that finds nothing to do must not keep the others from their turns.
  for (; !over; await setImmediate()) await job();
  await end;
}

rootTest("collections while images are loaded take nothing of them", async () => {
  await using fixture = await openFixture();
  const { images } = fixture;
  const shared = layer("shared");
  const loads = Array.from({ length: 12 }, (_, at) =>
    load(images, dockerArchive([shared, layer(`own${at}`)], [`image${at}:1`])),
  );
  await meanwhile(() => images.store.collect(), Promise.all(loads));
  expect(await images.list({ all: true, filters: {} })).toHaveLength(12);
  await expectSound(fixture);
});

rootTest("images that are removed while the same layers are loaded leave whole images, and nothing else", async () => {
  await using fixture = await openFixture();
  const { images } = fixture;
  const archive = dockerArchive([layer("a"), layer("b")], ["one:1"]);
  const other = dockerArchive([layer("a"), layer("c")], ["two:1"]);
  const loading = async () => {
    for (let round = 0; round < 8; round++) await Promise.all([load(images, archive), load(images, other)]);
  };
  const remove = (name: string) => images.remove(name, gently).catch(() => undefined);
  await meanwhile(() => Promise.all([remove("one:1"), remove("two:1"), images.prune({})]), loading());
  await expectSound(fixture);
  await remove("one:1");
  await remove("two:1");
  expect(fixture.content.list()).toEqual([]);
});

rootTest("what is leased during a collection stays, also when the lease ends before it does", async () => {
  await using fixture = await openFixture();
  const { images, content } = fixture;
  for (let at = 0; at < 200; at++) await content.put(Buffer.from(`garbage ${at}`));
  const { digest } = await content.put(Buffer.from("a blob for later"));
  const collecting = images.store.collect();
  images.store.leases.hold([digest])();
  await collecting;
  expect(content.list().map((blob) => blob.digest)).toEqual([digest]);
  await images.store.collect();
  expect(content.list()).toEqual([]);
});

rootTest("a blob that is brought again while its old file is deleted is there", async () => {
  await using fixture = await openFixture();
  const { content } = fixture;
  const bytes = Buffer.from("again and again");
  for (let round = 0; round < 50; round++) {
    const { digest } = await content.put(bytes);
    const removing = content.remove(digest);
    const { path } = await content.put(bytes);
    await removing;
    expect(await Bun.file(path).text()).toBe("again and again");
  }
  expect(content.audit()).toEqual([]);
});

rootTest(
  "ten thousand blobs are collected without holding up the event loop",
  async () => {
    await using fixture = await openFixture();
    const { images, content } = fixture;
    const keys: string[] = [];
    for (let batch = 0; batch < 100; batch++) {
      const puts = Array.from({ length: 100 }, (_, at) => content.put(Buffer.from(`blob ${batch} ${at}`)));
      for (const { digest } of await Promise.all(puts)) keys.push(digest);
    }
    expect(content.list()).toHaveLength(10_000);
    // Counted, not timed: others have their turn between slices, however slow the machine is.
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await images.store.collect();
    clearInterval(timer);
    expect(content.list()).toEqual([]);
    expect(turns).toBeGreaterThan(100);
  },
  60_000,
);
