import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkReport } from "../harness/check-report.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { runProgram } from "../harness/run-program.ts";
import { storeLeftovers } from "../harness/store-leftovers.ts";
import { until } from "../harness/until.ts";
import { build } from "./classic-build.ts";

/** Builds on a disk that has no more room: a clear word, nothing left behind, and all is well when there is room again. */
let mountPoint: string;
let daemon: TestDaemon;
beforeAll(async () => {
  mountPoint = mkdtempSync(join(tmpdir(), "gantry-full-build-"));
  const mounted = await runProgram(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", mountPoint]);
  expect(mounted.stderr).toBe("");
  daemon = await startDaemon({ dataRoot: join(mountPoint, "data") });
}, 60_000);
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]();
  await runProgram(["umount", "-l", mountPoint]);
  rmSync(mountPoint, { recursive: true, force: true });
}, 60_000);

const freeBytes = () => statfsSync(mountPoint).bavail * statfsSync(mountPoint).bsize;

async function expectSound(): Promise<void> {
  const scratch = join(daemon.dataRoot, "builder/scratch");
  await until("nothing is left", () => storeLeftovers(daemon.dataRoot).length + readdirSync(scratch).length === 0);
  expect((await checkReport(daemon)).Problems).toEqual([]);
  expect(await daemon.leakCheck()).toEqual([]);
}

test("a step that fills the disk fails in its own words, and gives back what it took", async () => {
  const before = freeBytes();
  const failed = await build(daemon, { Dockerfile: "FROM busybox\nRUN dd if=/dev/zero of=/big bs=1M count=100\n" });
  expect(failed.imageId).toBe("");
  expect(failed.text).toContain("No space left on device");
  await expectSound();
  expect(freeBytes()).toBeGreaterThan(before - (1 << 20));
});

test("on a disk without a single byte a build is refused in words, and a prune gives room", async () => {
  await build(
    daemon,
    { Dockerfile: "FROM busybox\nRUN dd if=/dev/zero of=/kept bs=1M count=4\n" },
    { query: "t=kept" },
  );
  await daemon.call("DELETE", "/images/kept");
  const ballast = join(mountPoint, "ballast");
  await runProgram(["dd", "if=/dev/zero", `of=${ballast}`, "bs=4096"]);
  expect(freeBytes()).toBe(0);
  const refused = await build(daemon, { Dockerfile: "FROM busybox\nCOPY file /file\n", file: "x".repeat(100_000) });
  expect(refused.imageId).toBe("");
  expect(refused.error).toMatch(/no space left|disk is full|ENOSPC/i);
  await daemon.call("POST", "/build/prune?all=1");
  await until("what was removed is gone", () => freeBytes() >= 4 << 20);
  rmSync(ballast);
  const built = await build(daemon, { Dockerfile: "FROM busybox\nCOPY file /file\n", file: "x" });
  expect(built.error).toBe("");
  await expectSound();
});
