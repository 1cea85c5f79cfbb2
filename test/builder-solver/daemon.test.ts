import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { WireBuildCache, WireBuildPruned, WireDiskUsage, WireExplanation } from "../../src/wire/system.ts";
import { checkReport } from "../harness/check-report.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { startFakeRegistry } from "../harness/fake-registry.ts";
import { runProgram } from "../harness/run-program.ts";
import { storeLeftovers } from "../harness/store-leftovers.ts";
import { until } from "../harness/until.ts";
import { layer } from "../transfers/puller.ts";
import { build, type ClassicBuild } from "./classic-build.ts";

/** The builder of a whole daemon: what is cached, for how long, and what is left of builds that end early. */
let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
}, 60_000);
afterAll(() => daemon?.[Symbol.asyncDispose](), 60_000);
afterEach(async () => {
  if (!(await daemon.request("/_ping").catch(() => undefined))?.ok) await daemon.start();
  for (const { Id, RepoTags } of await daemon.call<{ Id: string; RepoTags: string[] }[]>("GET", "/images/json?all=1"))
    if (!RepoTags.includes("busybox:latest"))
      await daemon.call("DELETE", `/images/${Id}?force=1`, undefined, [404, 409]);
  await daemon.call("POST", "/build/prune?all=1");
  expect(await daemon.leakCheck()).toEqual([]);
});

const TWO_STEPS = "FROM busybox\nCOPY file /file\nRUN cat /file && date +%N > /made\nENV A=b\n";
const cacheOf = async () =>
  (await daemon.call<WireDiskUsage>("GET", "/v1.51/system/df?type=build-cache")).BuildCache ?? [];
const named = (records: WireBuildCache[], text: string) =>
  records.find(({ Description }) => Description.includes(text));
const prune = (query = "all=1") => daemon.call<WireBuildPruned>("POST", `/build/prune?${query}`);
const cachedSteps = ({ text }: ClassicBuild) => text.split("Using cache").length - 1;

/** Nothing is half there, nothing is nobody's, once builds have given back what they had: their clients know the end before. */
async function expectSound(): Promise<void> {
  const scratch = join(daemon.dataRoot, "builder/scratch");
  await until("all is given back", () => storeLeftovers(daemon.dataRoot).length + readdirSync(scratch).length === 0);
  expect((await checkReport(daemon)).Problems).toEqual([]);
  expect(readdirSync(join(daemon.dataRoot, "snapshots/active"))).toEqual([]);
}

test("a second build is the same image, also after the daemon has ended; a changed file is not", async () => {
  const first = await build(daemon, { Dockerfile: TWO_STEPS, file: "one" }, { query: "t=demo" });
  expect(first.error).toBe("");
  const second = await build(daemon, { Dockerfile: TWO_STEPS, file: "one" }, { query: "t=demo" });
  expect([second.imageId, cachedSteps(second)]).toEqual([first.imageId, 2]);
  await daemon.stop();
  await daemon.start();
  const third = await build(daemon, { Dockerfile: TWO_STEPS, file: "one" });
  expect([third.imageId, cachedSteps(third)]).toEqual([first.imageId, 2]);
  const changed = await build(daemon, { Dockerfile: TWO_STEPS, file: "two" });
  expect(cachedSteps(changed)).toBe(0);
  expect(changed.imageId).not.toBe(first.imageId);
  const fresh = await build(daemon, { Dockerfile: TWO_STEPS, file: "one" }, { query: "nocache=1" });
  expect(cachedSteps(fresh)).toBe(0);
  await expectSound();
});

test("attack 40: nothing about an image that came from elsewhere makes it a cached step", async () => {
  const poisoned = "FROM busybox\nRUN echo evil > /proof\n";
  await build(daemon, { Dockerfile: poisoned }, { query: "t=poisoned" });
  // The image is all that comes from elsewhere: its records are gone, its history says what the next Dockerfile says.
  await prune();
  const again = await build(daemon, { Dockerfile: poisoned });
  expect(cachedSteps(again)).toBe(0);
  for (const line of ["USER 1", "HEALTHCHECK CMD true", "STOPSIGNAL 9", "ONBUILD RUN x", 'SHELL ["/bin/ash","-c"]']) {
    const { imageId } = await build(daemon, { Dockerfile: `${poisoned}${line}\n` });
    expect(imageId).not.toBe(again.imageId);
  }
  // Who a step runs as, and with what, is part of it.
  for (const line of ["USER 1", "ENV X=y", "WORKDIR /tmp", 'SHELL ["/bin/ash","-c"]'])
    expect(
      cachedSteps(await build(daemon, { Dockerfile: `FROM busybox\n${line}\nRUN echo evil > /tmp/proof\n` })),
    ).toBe(0);
});

test("the cache tells what it takes, df adds up to what du counts, and a prune gives it back", async () => {
  await build(daemon, {
    Dockerfile: "FROM busybox\nRUN dd if=/dev/zero of=/big bs=1M count=3 && rm -f /proc/x\nRUN true\n",
  });
  for (const { Id, RepoTags } of await daemon.call<{ Id: string; RepoTags: string[] }[]>("GET", "/images/json"))
    if (RepoTags.length === 0) await daemon.call("DELETE", `/images/${Id}`);
  const big = named(await cacheOf(), "RUN dd");
  expect(big).toMatchObject({ Size: 3 << 20, InUse: false, Shared: false, Type: "regular", UsageCount: 1 });
  expect(named(await cacheOf(), "RUN true")?.Parents).toEqual([big?.ID as string]);
  const directory = (await runProgram(["find", join(daemon.dataRoot, "snapshots"), "-name", "big"])).stdout.trim();
  const why = await daemon.call<WireExplanation>("GET", `/gantry/system/why?path=${directory}`);
  expect(why.KeptBy.map(({ Names }) => Names[0])).toEqual([`the build cache: ${big?.Description}`]);
  let usage: WireDiskUsage = {};
  await until("du and df agree", async () => {
    const before = (await du(daemon.dataRoot)) + (await du(daemon.execRoot));
    usage = await daemon.call<WireDiskUsage>("GET", "/v1.55/system/df?verbose=1");
    return usage.Gantry?.TotalBytes === before;
  });
  expect(usage.BuildCacheUsage).toMatchObject({
    ActiveCount: 0,
    TotalCount: 2,
    TotalSize: 3 << 20,
    Reclaimable: 3 << 20,
  });
  expect(usage.LayersSize ?? 0).toBeLessThan(3 << 20);
  await expectSound();
  expect((await prune('filters={"until":["1h"]}')).CachesDeleted).toEqual([]);
  const pruned = await prune("");
  expect([pruned.CachesDeleted?.length, pruned.SpaceReclaimed]).toEqual([2, 3 << 20]);
  expect(await cacheOf()).toEqual([]);
  await expectSound();
});

async function du(path: string): Promise<number> {
  return Number((await runProgram(["du", "-sb", path])).stdout.split("\t")[0]);
}

test("builds at the same time bring their base once; a cached build brings it again when it is gone", async () => {
  await using registry = await startFakeRegistry();
  const { configDigest } = registry.putImage("team/base", "1", [layer("base", 10_000)]);
  const reference = `${registry.host}/team/base:1`;
  const layerRequests = () => registry.requests(/blobs/).filter((line) => !line.includes(configDigest)).length;
  const dockerfile = { Dockerfile: `FROM ${reference}\nCOPY file /file\nENV A=b\n`, file: "x" };
  const [left, right] = await Promise.all([build(daemon, dockerfile), build(daemon, dockerfile)]);
  expect([left?.error, left?.imageId]).toEqual(["", right?.imageId as string]);
  expect(layerRequests()).toBe(1);
  const names = registry.requests(/manifests/).length;
  await build(daemon, dockerfile);
  expect(registry.requests(/manifests/).length).toBe(names);
  await build(daemon, dockerfile, { query: "pull=1" });
  expect(registry.requests(/manifests/).length).toBeGreaterThan(names);
  await daemon.call("DELETE", `/images/${left?.imageId}`);
  await daemon.call("DELETE", `/images/${reference}`);
  // The base's layer stays below the cached step, and is the cache's now.
  expect((await cacheOf()).map(({ Type }) => Type).sort()).toEqual(["internal", "regular"]);
  await expectSound();
  const again = await build(daemon, dockerfile);
  expect([again.imageId, cachedSteps(again)]).toEqual([left?.imageId as string, 1]);
  const missing = await build(daemon, { Dockerfile: `FROM ${registry.host}/team/none:1\n` });
  expect(missing.error).toContain(`${registry.host}/team/none:1`);
  expect(missing.error).toMatch(/not found|manifest unknown|repository name not known/);
  await expectSound();
});

test("layers that an image has are shared, and stay when the cache goes; the cache stays when the image goes", async () => {
  const { imageId } = await build(daemon, { Dockerfile: TWO_STEPS, file: "x" }, { query: "t=demo" });
  expect((await cacheOf()).every(({ Shared }) => Shared)).toBe(true);
  expect((await prune("")).CachesDeleted).toEqual([]);
  await daemon.call("DELETE", `/images/demo`);
  expect((await cacheOf()).every(({ Shared }) => !Shared)).toBe(true);
  const again = await build(daemon, { Dockerfile: TWO_STEPS, file: "x" }, { query: "t=demo" });
  expect([again.imageId, cachedSteps(again)]).toEqual([imageId, 2]);
  await prune();
  const run = await daemon.gantry(["run", "--rm", "demo", "cat", "/file"]);
  expect([run.stdout, run.code]).toEqual(["x", 0]);
});

test("a failing step names its line, is not cached, and leaves what was before it", async () => {
  const failed = await build(daemon, { Dockerfile: "FROM busybox\nRUN echo first\nRUN echo reason; exit 3\n" });
  expect(failed.imageId).toBe("");
  expect(failed.text).toContain("reason");
  expect(failed.error).toBe("The command '/bin/sh -c echo reason; exit 3' returned a non-zero code: 3");
  const [newest] = await daemon.call<{ Status: string; Error: string }[]>("GET", "/gantry/build/history");
  expect(newest?.Status).toBe("error");
  expect(newest?.Error).toContain("did not complete successfully: exit code: 3\nDockerfile:3\n");
  expect(newest?.Error).toContain(" 3 | >>> RUN echo reason; exit 3\n");
  const again = await build(daemon, { Dockerfile: "FROM busybox\nRUN echo first\nRUN echo reason; exit 3\n" });
  expect(cachedSteps(again)).toBe(1);
  await expectSound();
});

/** Each has a launcher. */
function stepsThatRun(): number {
  return readdirSync(join(daemon.execRoot, "launchers")).filter((name) => name.startsWith("build-")).length;
}

test("builds at the same time share their steps; a client that goes away ends its own build only", async () => {
  const files = { Dockerfile: "FROM busybox\nRUN echo begun; sleep 1; date +%N > /made\n" };
  const abort = new AbortController();
  const leaver = build(daemon, files, { signal: abort.signal }).catch((error: unknown) => error);
  const stayers = [build(daemon, files), build(daemon, files)];
  await until("the step runs", () => stepsThatRun() > 0);
  abort.abort();
  await leaver;
  const [left, right] = await Promise.all(stayers);
  expect(left?.error).toBe("");
  expect(left?.imageId).toBe(right?.imageId as string);
  expect([left?.text, right?.text].every((text) => text?.includes("begun\n"))).toBe(true);
  expect((await cacheOf()).length).toBe(1);
  await expectSound();
});

test("a client that goes away alone leaves nothing, and its step is not cached", async () => {
  const abort = new AbortController();
  const files = { Dockerfile: "FROM busybox\nRUN sleep 600\n" };
  const building = build(daemon, files, { signal: abort.signal }).catch((error: unknown) => error);
  await until("the step runs", () => stepsThatRun() > 0);
  abort.abort();
  await building;
  await until("it is gone", () => stepsThatRun() === 0);
  expect(await cacheOf()).toEqual([]);
  await expectSound();
});

test("the cache stays within the limit of daemon.json, the longest unused goes, and what an image has does not count", async () => {
  const config = join(daemon.directory, "daemon.json");
  writeFileSync(config, JSON.stringify({ builder: { gc: { enabled: true, defaultKeepStorage: "5MB" } } }));
  await using small = await startDaemon({ flags: ["--config-file", config] });
  const steps = async () => {
    const { BuildCache } = await small.call<WireDiskUsage>("GET", "/v1.51/system/df?type=build-cache");
    return (BuildCache ?? []).map(({ Description }) => /of=\/(\d)/.exec(Description)?.[1] ?? "").sort();
  };
  const images: string[] = [];
  for (let step = 0; step < 5; step++) {
    const { imageId } = await build(small, {
      Dockerfile: `FROM busybox\nRUN dd if=/dev/zero of=/${step} bs=1M count=2\n`,
    });
    images.push(imageId);
  }
  expect(await steps()).toEqual(["0", "1", "2", "3", "4"]);
  for (const image of images) await small.call("DELETE", `/images/${image}`);
  await until("the two that fit are left", async () => (await steps()).join() === "3,4");
  // One build of many steps: it keeps what it needs, and no more is left than fits.
  const lines = [5, 6, 7, 8].map((step) => `RUN dd if=/dev/zero of=/${step} bs=1M count=2\n`).join("");
  const { imageId } = await build(small, { Dockerfile: `FROM busybox\n${lines}` });
  await small.call("DELETE", `/images/${imageId}`);
  await until("the first steps are left", async () => (await steps()).join() === "5,6");
  expect(await small.leakCheck()).toEqual([]);
}, 60_000);

test.each(["stop", "kill9"] as const)(
  "after %s in the middle of a step nothing of it is left, and the history says so",
  async (how) => {
    const files = { Dockerfile: "FROM busybox\nRUN echo first > /a\nRUN sleep 600\n" };
    const building = build(daemon, files).catch(() => undefined);
    await until("the step runs", async () => stepsThatRun() > 0 && named(await cacheOf(), "echo first") !== undefined);
    await daemon[how]();
    await building;
    await daemon.start();
    expect(stepsThatRun()).toBe(0);
    const [newest] = await daemon.call<{ Status: string }[]>("GET", "/gantry/build/history");
    expect(newest?.Status).toBe(how === "stop" ? "canceled" : "error");
    await expectSound();
  },
);

const FAILPOINTS = [
  "build.changed",
  "build.sealed",
  "build.committed",
  "build.vertex",
  "build.vertex:2",
  "cache.pruned",
];

test.each(FAILPOINTS)(
  "killed at %s, the daemon comes back whole: nothing half, nothing of nobody, and the build goes on",
  async (failpoint) => {
    await daemon.stop();
    await daemon.start({ GANTRY_FAILPOINT: failpoint });
    const dead = daemon.exited();
    const files = { Dockerfile: TWO_STEPS, file: failpoint };
    await build(daemon, files, { query: "t=demo" }).catch(() => undefined);
    if (failpoint === "cache.pruned") await prune().catch(() => undefined);
    await dead;
    await daemon.start();
    await expectSound();
    const history = await daemon.call<{ Status: string; Error: string }[]>("GET", "/gantry/build/history");
    expect(history.some(({ Status }) => Status === "running")).toBe(false);
    const again = await build(daemon, files, { query: "t=demo" });
    expect(again.error).toBe("");
    await expectSound();
  },
  60_000,
);
