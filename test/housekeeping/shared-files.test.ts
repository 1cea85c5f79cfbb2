import { afterAll, beforeAll, expect, test } from "bun:test";
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WireBuildPruned, WireDiskUsage } from "../../src/wire/system.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { runProgram } from "../harness/run-program.ts";
import { until } from "../harness/until.ts";

/** What is counted where contexts and layers share files by hard links. */
let daemon: TestDaemon;
let context: string;
beforeAll(async () => {
  context = mkdtempSync(join(tmpdir(), "gantry-shared-files-"));
  daemon = await startDaemon();
}, 60_000);
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]();
  rmSync(context, { recursive: true, force: true });
}, 60_000);

const MIB = 1 << 20;

async function build(name: string, dockerfile: string): Promise<void> {
  writeFileSync(join(context, "Dockerfile"), dockerfile);
  const { code, stderr } = await daemon.gantry(["build", "-q", "-t", name, context]);
  if (code !== 0) throw new Error(stderr);
}

async function du(path: string): Promise<number> {
  return Number((await runProgram(["du", "-sb", path])).stdout.split("\t")[0]);
}

/** Of all files of layers and contexts, each once. */
function fileBytes(): number {
  const sizes = new Map<number, number>();
  for (const part of ["snapshots", "builder/contexts"]) {
    const entries = readdirSync(join(daemon.dataRoot, part), { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isDirectory() || !path.includes("/fs/")) continue;
      const { ino, size } = lstatSync(path);
      sizes.set(ino, size);
    }
  }
  return [...sizes.values()].reduce((total, size) => total + size, 0);
}

test("df is what du counts, and prunes tell what is really freed", async () => {
  mkdirSync(join(context, "src"));
  for (const [name, mib] of Object.entries({ "src/both": 3, "src/more": 2, only: 1 }))
    writeFileSync(join(context, name), Buffer.alloc(mib * MIB, name));
  const before = fileBytes();
  await build("one", "FROM busybox\nCOPY only /only\nCOPY src /src\nCOPY . /all\n");
  await build("two", "FROM busybox\nCOPY src/both /b\nRUN true\n");
  // The files of /all are in layers below: copies, but for the Dockerfile.
  const texts = fileBytes() - before - 12 * MIB;
  expect(texts).toBeGreaterThan(0);
  expect(texts).toBeLessThan(1000);
  await until("du and df agree", async () => {
    const counted = (await du(daemon.dataRoot)) + (await du(daemon.execRoot));
    const usage = await daemon.call<WireDiskUsage>("GET", "/v1.55/system/df?verbose=1");
    return usage.Gantry?.TotalBytes === counted;
  });

  // Everything of "one" is in the cache only: `both` stays in "two", whatever the cache had of it.
  await daemon.call("DELETE", "/images/one");
  const full = fileBytes();
  const pruned = await daemon.call<WireBuildPruned>("POST", "/build/prune?all=1");
  expect(full - fileBytes()).toBe(pruned.SpaceReclaimed);
  expect(fileBytes() - before).toBe(3 * MIB);
  expect(readdirSync(join(daemon.dataRoot, "builder/contexts"))).toEqual([]);

  const last = fileBytes();
  await daemon.call("POST", "/containers/create?name=user", { Image: "busybox" });
  const filters = encodeURIComponent(JSON.stringify({ dangling: ["false"] }));
  const images = await daemon.call<{ SpaceReclaimed: number }>("POST", `/images/prune?filters=${filters}`);
  expect(last - fileBytes()).toBe(3 * MIB);
  // With the blobs of the image's own documents.
  expect(images.SpaceReclaimed - 3 * MIB).toBeLessThan(5000);
  expect(images.SpaceReclaimed).toBeGreaterThanOrEqual(3 * MIB);
  await daemon.call("DELETE", "/containers/user");
});

test("a file that a context, a stage and an image have is freed with the last of them", async () => {
  await build(
    "three",
    "FROM busybox AS stage\nCOPY src /src\nFROM busybox\nCOPY only /only\nCOPY --from=stage /src/more /more\n",
  );
  const cache = await daemon.call<WireBuildPruned>("POST", "/build/prune?all=1");
  // Of context and stage; the Dockerfile is in a context of its own.
  expect(cache.SpaceReclaimed).toBeGreaterThanOrEqual(3 * MIB);
  expect(cache.SpaceReclaimed).toBeLessThan(3 * MIB + 5000);
  const filters = encodeURIComponent(JSON.stringify({ dangling: ["false"] }));
  const images = await daemon.call<{ SpaceReclaimed: number }>("POST", `/images/prune?filters=${filters}`);
  expect(images.SpaceReclaimed).toBeGreaterThanOrEqual(3 * MIB);
  expect(await daemon.leakCheck()).toEqual([]);
});
