import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { checkReport } from "../harness/check-report.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import {
  beginBlob,
  type FakeImage,
  type FakeRegistry,
  rangeStart,
  startFakeRegistry,
} from "../harness/fake-registry.ts";
import { storeLeftovers } from "../harness/store-leftovers.ts";
import { until } from "../harness/until.ts";
import { layer } from "../transfers/puller.ts";

/**
 * The daemon is killed at each of its failpoints while it pulls or pushes. The next one has the image whole or not at all, goes on by
 * Range from what is there, and when the image is removed nothing of it is left.
 */
let daemon: TestDaemon;
let registry: FakeRegistry;
let image: FakeImage;

beforeAll(async () => {
  registry = await startFakeRegistry();
  image = registry.putImage(
    "a/b",
    "1",
    ["one", "two", "three"].map((name) => layer(name, 700_000)),
  );
  daemon = await startDaemon({ busybox: false });
}, 60_000);
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
}, 60_000);
afterEach(async () => {
  if (!(await daemon.request("/_ping").catch(() => undefined))?.ok) await daemon.start();
  await removeAll();
});

const name = () => `${registry.host}/a/b:1`;
const images = () => daemon.call<{ Id: string; RepoTags: string[] }[]>("GET", "/images/json");
const pull = async () =>
  (await daemon.request(`/images/create?fromImage=${registry.host}/a/b&tag=1`, { method: "POST" })).text();
const push = async (tag: string) =>
  (await daemon.request(`/images/${registry.host}/pushed/push?tag=${tag}`, { method: "POST" })).text();

async function removeAll(): Promise<void> {
  for (const { Id } of await images()) await daemon.call("DELETE", `/images/${Id}?force=1`);
  // What a broken pull left is for the next one, until somebody wants the space.
  await daemon.call("POST", `/images/prune?filters=${encodeURIComponent('{"dangling":["false"]}')}`);
}

/** What a dead daemon has left, by digest. */
interface Remains {
  partialBytes: Map<string, number>;
  blobs: string[];
}

/** Until the daemon is dead, and the next one has begun. */
async function dieOf(failpoint: string, job: () => Promise<unknown>): Promise<Remains> {
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
  const ingest = join(daemon.dataRoot, "content/ingest");
  const parts = readdirSync(ingest).filter((one) => one.startsWith("partial-sha256-"));
  const partialBytes = new Map(parts.map((one) => [`sha256:${one.slice(15)}`, statSync(join(ingest, one)).size]));
  const blobs = readdirSync(join(daemon.dataRoot, "content/blobs/sha256")).map((hex) => `sha256:${hex}`);
  await daemon.start();
  return { partialBytes, blobs };
}

async function expectClean(): Promise<void> {
  expect((await checkReport(daemon)).Problems).toEqual([]);
}

async function expectWhole(): Promise<void> {
  expect(await images()).toEqual([expect.objectContaining({ Id: image.configDigest, RepoTags: [name()] })]);
  await expectClean();
  await removeAll();
  await expectClean();
  await until("nothing is left", () => storeLeftovers(daemon.dataRoot).length === 0);
  expect(readdirSync(join(daemon.dataRoot, "content/blobs/sha256"))).toEqual([]);
}

describe("fault 62: a daemon killed", () => {
  test.each<[string, boolean]>([
    ["pull.partial", false],
    ["pull.partial:4", false],
    ["pull.verified", false],
    ["pull.verified:2", false],
    ["pull.committed", false],
    ["pull.committed:3", false],
    ["install.layer", false],
    ["install.layer:3", false],
    ["install.layers", false],
    ["pull.recorded", true],
  ])(
    "fault 62: at %s of a pull has the image whole (%p) or not at all, and goes on from there",
    async (failpoint, isWhole) => {
      const { partialBytes, blobs } = await dieOf(failpoint, pull);
      expect((await images()).length).toBe(isWhole ? 1 : 0);
      const { Problems } = await checkReport(daemon);
      expect(Problems.filter(({ Kind }) => Kind === "damaged")).toEqual([]);
      registry.seen.splice(0);
      expect(await pull()).toContain("Status: ");
      const asked = new Map(registry.seen.map((one) => [one.target.split("/").at(-1) ?? "", rangeStart(one)]));
      for (const [digest, size] of partialBytes) {
        const total = registry.blobs.get(digest)?.length;
        // Not a byte comes twice; what was all there is not asked for.
        if (size > 0) expect(asked.get(digest)).toBe(size === total ? undefined : size);
      }
      expect(blobs.filter((digest) => asked.has(digest))).toEqual([]);
      await expectWhole();
    },
  );

  test("fault 62: in the middle of a layer goes on where the file ends", async () => {
    const big = image.layers[0] as FakeImage["layers"][number];
    registry.on(new RegExp(big.digest), (request, nth) => {
      if (nth > 0) return false;
      beginBlob(request, big.bytes, 300_000);
      return true;
    });
    void pull().catch(() => undefined);
    const path = join(daemon.dataRoot, `content/ingest/partial-${big.digest.replace(":", "-")}`);
    await until("the part is on the disk", () => statSync(path).size === 300_000);
    await daemon.kill9();
    await daemon.start();
    expect(statSync(path).size).toBe(300_000);
    registry.seen.splice(0);
    await pull();
    const ranges = registry.seen
      .filter(({ target }) => target.endsWith(big.digest))
      .map(({ headers }) => headers.range);
    expect(ranges).toEqual(["bytes=300000-"]);
    await expectWhole();
  });

  test("attack 35: a client that goes away ends its pull, and the next one goes on from there", async () => {
    const big = image.layers[1] as FakeImage["layers"][number];
    let isClosed = false;
    registry.on(new RegExp(big.digest), (request, nth) => {
      if (nth > 0) return false;
      request.socket.on("close", () => (isClosed = true));
      beginBlob(request, big.bytes, 400_000);
      return true;
    });
    const client = new AbortController();
    const path = `/images/create?fromImage=${registry.host}/a/b&tag=1`;
    const gone = daemon
      .request(path, { method: "POST", signal: client.signal })
      .then((answer) => answer.text())
      .catch(() => "gone");
    const partial = join(daemon.dataRoot, `content/ingest/partial-${big.digest.replace(":", "-")}`);
    await until("the part is on the disk", () => statSync(partial).size === 400_000);
    client.abort();
    expect(await gone).toBe("gone");
    await until("the registry is left", () => isClosed);
    registry.seen.splice(0);
    await pull();
    const ranges = registry.seen
      .filter(({ target }) => target.endsWith(big.digest))
      .map(({ headers }) => headers.range);
    expect(ranges).toEqual(["bytes=400000-"]);
    await expectWhole();
  });

  test.each<[string, boolean]>([
    ["push.blob", false],
    ["push.blob:2", false],
    ["push.blobs", false],
    ["push.tagged", true],
  ])("fault 62: at %s of a push has changed nothing here, and the next push ends it", async (failpoint, isThere) => {
    await pull();
    const tag = failpoint.replaceAll(/\W/g, "-");
    await daemon.call("POST", `/images/${image.configDigest}/tag?repo=${registry.host}/pushed&tag=${tag}`);
    await dieOf(failpoint, () => push(tag));
    expect(registry.manifests.has(`pushed:${tag}`)).toBe(isThere);
    await expectClean();
    expect(await push(tag)).toContain(`digest: ${image.digest}`);
    expect(registry.manifests.get(`pushed:${tag}`)?.bytes).toEqual(image.manifest);
    await daemon.call("DELETE", `/images/${registry.host}/pushed:${tag}`);
    await expectWhole();
  });
});
