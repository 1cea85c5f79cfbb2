import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WireDiskUsage } from "../../src/wire/system.ts";
import { checkReport } from "../harness/check-report.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { until } from "../harness/until.ts";
import { dockerArchive } from "../images/fixture.ts";
import { fileBytes, layer } from "./store.ts";

/**
 * The daemon is killed at each of its failpoints while it loads or removes images. The next one finds them whole or not at all, its
 * store checks clean, and the disk holds what is referenced and no more.
 */
let daemon: TestDaemon;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "gantry-crashes-"));
  writeFileSync(join(directory, "one.tar"), dockerArchive([layer("a"), layer("b")], ["one:1"]));
  writeFileSync(join(directory, "two.tar"), dockerArchive([layer("a"), layer("c"), layer("d")], ["two:1"]));
  daemon = await startDaemon({ busybox: false });
}, 60_000);
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
}, 60_000);
afterEach(async () => {
  if (!(await daemon.request("/_ping").catch(() => undefined))?.ok) await daemon.start();
  await daemon.call("POST", `/images/prune?filters=${encodeURIComponent('{"dangling":["false"]}')}`);
});

const loadArchive = (name: string) => daemon.load(join(directory, `${name}.tar`));
const names = async () =>
  (await daemon.call<{ RepoTags: string[] }[]>("GET", "/images/json?all=1")).flatMap(({ RepoTags }) => RepoTags).sort();

/** Of blobs and layers: as many as the images that are there have, and nothing on its way. */
async function expectClean(): Promise<void> {
  const { Problems, BlobBytes } = await checkReport(daemon);
  expect(Problems).toEqual([]);
  expect(fileBytes(join(daemon.dataRoot, "content/blobs"))).toBe(BlobBytes);
  for (const path of ["content/ingest", "content/trash", "snapshots/trash"])
    await until(`${path} is empty`, () => readdirSync(join(daemon.dataRoot, path)).length === 0);
  const { ImageUsage } = await daemon.call<WireDiskUsage>("GET", "/v1.55/system/df?verbose=1");
  const referenced = (await names()).length;
  expect(ImageUsage?.TotalCount).toBe(referenced);
  if (referenced === 0) expect(ImageUsage?.TotalSize).toBe(0);
}

/** Until the daemon is dead. */
async function dieOf(failpoint: string, job: () => Promise<unknown>): Promise<void> {
  await daemon.stop();
  await daemon.start({ GANTRY_FAILPOINT: failpoint });
  const dead = daemon.exited();
  await Promise.race([
    dead,
    job().then(
      () => dead,
      () => dead,
    ),
  ]);
  await daemon.start();
}

const removeOne = () => daemon.call("DELETE", "/images/one:1");
const pruneAll = () => daemon.call("POST", `/images/prune?filters=${encodeURIComponent('{"dangling":["false"]}')}`);

describe("a daemon killed", () => {
  test.each([
    ["install.layers", []],
    ["install.recorded", ["one:1"]],
  ] as [string, string[]][])("at %s of a load has the image whole or not at all", async (failpoint, expected) => {
    await dieOf(failpoint, () => loadArchive("one"));
    expect(await names()).toEqual(expected);
    await expectClean();
    await loadArchive("one");
    expect(await names()).toEqual(["one:1"]);
  });

  test.each(["image.removed", "collect.blob", "collect.blob:2", "collect.layer"])(
    "at %s of a removal goes on with it",
    async (failpoint) => {
      await loadArchive("one");
      await loadArchive("two");
      await dieOf(failpoint, removeOne);
      expect(await names()).toEqual(["two:1"]);
      await expectClean();
      await loadArchive("one");
      await expectClean();
    },
  );

  test.each(["image.removed:2", "collect.blob:3", "collect.layer:2"])("at %s of a prune", async (failpoint) => {
    await loadArchive("one");
    await loadArchive("two");
    await dieOf(failpoint, pruneAll);
    await expectClean();
    await pruneAll();
    expect(await names()).toEqual([]);
    await expectClean();
  });
});

test("after kill -9 at any moment of many loads and removals the store checks clean", async () => {
  for (const delayMs of [0, 3, 7, 12, 20, 35, 50]) {
    const work = (async () => {
      for (;;) {
        await Promise.all([loadArchive("one"), loadArchive("two")]);
        await Promise.all([removeOne(), pruneAll()]);
      }
    })().catch(() => undefined);
    await Bun.sleep(delayMs);
    await daemon.kill9();
    await work;
    await daemon.start();
    await expectClean();
  }
  expect(existsSync(join(daemon.dataRoot, "records/data.db"))).toBe(true);
});
