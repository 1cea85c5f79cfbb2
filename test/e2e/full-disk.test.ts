import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { largeImage } from "../fixtures/large-image.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { runProgram } from "../harness/run-program.ts";

/** A data root of 64 MiB: the daemon says that the disk is full, undoes what it began, and can still remove things. */
let mountPoint: string;
let daemon: TestDaemon;

beforeAll(async () => {
  mountPoint = mkdtempSync(join(tmpdir(), "gantry-small-"));
  const mounted = await runProgram(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", mountPoint]);
  expect(mounted.stderr).toBe("");
  daemon = await startDaemon({ dataRoot: join(mountPoint, "data") });
}, 60_000);
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]();
  await runProgram(["umount", mountPoint]);
  rmSync(mountPoint, { recursive: true, force: true });
}, 60_000);

const freeBytes = () => {
  const { bavail, bsize } = statfsSync(mountPoint);
  return bavail * bsize;
};

test("an image that does not fit is refused, and its bytes are given back", async () => {
  const before = freeBytes();
  const { code, stderr, stdout } = await daemon.gantry(["load", "-i", await largeImage({ layers: 10, layerMib: 10 })]);
  expect(code).toBe(1);
  expect(stderr + stdout).toMatch(/no space left on device/i);
  expect(Math.abs(freeBytes() - before)).toBeLessThan(2 << 20);
  expect((await daemon.gantry(["images", "--format", "{{.Repository}}"])).stdout).toBe("busybox\n");
});

test("a container that fills the disk goes on, and on a full disk rm still works", async () => {
  const script = "dd if=/dev/zero of=/fill bs=1M 2>&1 | tail -1; echo still here";
  const run = await daemon.gantry(["run", "--name", "filler", "busybox", "sh", "-c", script]);
  expect(run.stdout).toContain("still here");
  writeFileSync(join(mountPoint, "rest"), "");
  const removed = await daemon.gantry(["rm", "filler"]);
  expect([removed.code, removed.stderr]).toEqual([0, ""]);
  expect((await daemon.gantry(["run", "--rm", "busybox", "echo", "room again"])).stdout).toBe("room again\n");
});

test("nothing is left when every container is removed", async () => {
  expect(await daemon.leakCheck()).toEqual([]);
});
