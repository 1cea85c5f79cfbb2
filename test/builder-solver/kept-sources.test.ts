import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { WireBuildPruned, WireDiskUsage } from "../../src/wire/system.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { until } from "../harness/until.ts";
import { build } from "./classic-build.ts";

/** What builds have fetched is part of the cache: listed, pruned, and kept within its limit. */
let daemon: TestDaemon;
let served = 0;
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch() {
    served++;
    return new Response("x".repeat(200_000));
  },
});

beforeAll(async () => {
  daemon = await startDaemon();
}, 60_000);
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]();
  await server.stop(true);
}, 60_000);

const url = (name: string) => `http://127.0.0.1:${server.port}/${name}`;
const fetched = async (from = daemon) => {
  const { BuildCache } = await from.call<WireDiskUsage>("GET", "/v1.51/system/df?type=build-cache");
  return (BuildCache ?? []).filter(({ Description }) => Description.startsWith("http url"));
};
const addFiles = (...names: string[]) =>
  build(daemon, { Dockerfile: `FROM busybox\n${names.map((name) => `ADD ${url(name)} /${name}`).join("\n")}` });

test("a fetched file is a record of the cache, and goes with a prune", async () => {
  expect((await addFiles("one")).error).toBe("");
  expect(await fetched()).toMatchObject([{ Type: "regular", Description: `http url ${url("one")}`, InUse: false }]);
  await daemon.call<WireBuildPruned>("POST", "/build/prune?all=1");
  expect(await fetched()).toEqual([]);
  const before = served;
  expect((await addFiles("one")).error).toBe("");
  expect(served).toBe(before + 1);
});

test("files go, the longest unused first, when the cache is larger than it may be", async () => {
  const config = join(daemon.directory, "gc.json");
  writeFileSync(config, JSON.stringify({ builder: { gc: { defaultKeepStorage: "500kb" } } }));
  await using small = await startDaemon({ flags: ["--config-file", config] });
  // With another owner the image has a copy of its own: the file is the cache's alone.
  for (const name of ["one", "two", "three"]) {
    const { error } = await build(small, { Dockerfile: `FROM busybox\nADD --chown=1 ${url(name)} /\n` });
    expect(error).toBe("");
  }
  const names = async () => (await fetched(small)).map(({ Description }) => Description.split("/").at(-1) ?? "").sort();
  await until("there is room again", async () => (await names()).join() === "three,two");
  expect(await small.leakCheck()).toEqual([]);
}, 60_000);

test("nothing is left", async () => {
  expect(await daemon.leakCheck()).toEqual([]);
});
