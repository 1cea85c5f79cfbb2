import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkReport } from "../harness/check-report.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { type FakeRegistry, startFakeRegistry } from "../harness/fake-registry.ts";
import { runProgram } from "../harness/run-program.ts";
import { storeLeftovers } from "../harness/store-leftovers.ts";
import { until } from "../harness/until.ts";
import { layer } from "../transfers/puller.ts";

/** Fault 64: the data root is full before the image is here. */
const MIB = 1 << 20;

let mountPoint: string;
let daemon: TestDaemon;
let registry: FakeRegistry;

beforeAll(async () => {
  mountPoint = mkdtempSync(join(tmpdir(), "gantry-full-"));
  const mounted = await runProgram(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", mountPoint]);
  expect(mounted.stderr).toBe("");
  daemon = await startDaemon({ dataRoot: join(mountPoint, "data"), busybox: false });
  registry = await startFakeRegistry();
  registry.putImage("a/b", "1", [layer("small", 2 * MIB), layer("large", 8 * MIB)]);
}, 60_000);
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
  await runProgram(["umount", "-l", mountPoint]);
  rmSync(mountPoint, { recursive: true, force: true });
}, 60_000);

const ballast = () => join(mountPoint, "ballast");
const freeBytes = () => statfsSync(mountPoint).bavail * statfsSync(mountPoint).bsize;
const pull = async () =>
  (await daemon.request(`/images/create?fromImage=${registry.host}/a/b&tag=1`, { method: "POST" })).text();

/** Once for the blob, and once for its files: 20 MiB are needed. */
test.each([6, 13, 19])(
  "fault 64: a pull that does not fit into %p MiB says so, gives back all it took, and fits later",
  async (roomMib) => {
    // The records grow to the size that they keep.
    await pull();
    await daemon.call("DELETE", `/images/${registry.host}/a/b:1`);
    await until("nothing is left", () => storeLeftovers(daemon.dataRoot).length === 0);
    writeFileSync(ballast(), Buffer.alloc(freeBytes() - roomMib * MIB));
    const before = freeBytes();
    expect(await pull()).toMatch(/no space left on device/i);
    expect(await daemon.call<unknown[]>("GET", "/images/json")).toEqual([]);
    await until("nothing is left", () => storeLeftovers(daemon.dataRoot).length === 0);
    await until("the space is there again", () => freeBytes() >= before - MIB / 4);
    expect((await checkReport(daemon)).Problems).toEqual([]);
    rmSync(ballast());
    expect(await pull()).toContain("Status: Downloaded newer image");
    await daemon.call("DELETE", `/images/${registry.host}/a/b:1`);
  },
  60_000,
);
