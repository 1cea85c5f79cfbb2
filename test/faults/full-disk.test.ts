import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Api, apiOf } from "../attacks/api.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { runProgram } from "../harness/run-program.ts";

/** Fault 64: not one byte is left on the data root. What gives space back must still work, and say the truth. */
let mountPoint: string;
let daemon: TestDaemon;
let api: Api;

beforeAll(async () => {
  mountPoint = mkdtempSync(join(tmpdir(), "gantry-full-"));
  const mounted = await runProgram(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", mountPoint]);
  expect(mounted.stderr).toBe("");
  daemon = await startDaemon({ dataRoot: join(mountPoint, "data") });
  api = apiOf(daemon);
}, 60_000);
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]();
  await runProgram(["umount", "-l", mountPoint]);
  rmSync(mountPoint, { recursive: true, force: true });
}, 60_000);

const ballast = () => join(mountPoint, "ballast");
const freeBytes = () => statfsSync(mountPoint).bavail * statfsSync(mountPoint).bsize;

/** In ever smaller pieces, until not a page is left. */
async function fill(): Promise<void> {
  await runProgram(["dd", "if=/dev/zero", `of=${ballast()}`, "bs=4096"]);
  expect(freeBytes()).toBe(0);
}

test("fault 64: on a full disk create is refused in words, stop, rm and prune work, and all is well after", async () => {
  const running = await api.start({ Cmd: ["sh", "-c", "while :; do echo line; usleep 1000; done"] });
  const stopped = await api.create({ Cmd: ["true"], Volumes: { "/data": {} } });
  await fill();
  const refused = await api.call("POST", "/containers/create", { Image: "busybox", Labels: { big: "x".repeat(1e6) } });
  expect(refused.status).toBe(500);
  expect(refused.message).toMatch(/no space left|full/i);
  expect((await api.call("GET", "/containers/json?all=1")).status).toBe(200);
  expect((await api.call("POST", `/containers/${running}/stop?t=0`)).status).toBe(204);
  expect((await api.call("DELETE", `/containers/${running}?v=1`)).status).toBe(204);
  expect((await api.call("POST", "/containers/prune")).status).toBe(200);
  expect((await api.call("GET", `/containers/${stopped}/json`)).status).toBe(404);
  expect((await api.call("POST", "/volumes/prune")).status).toBe(200);
  rmSync(ballast());
  expect((await api.sh("echo room again")).stdout).toBe("room again\n");
}, 60_000);

test("fault 64: a daemon that is killed on a full disk starts on it again", async () => {
  const id = await api.start({ Cmd: ["sleep", "100"] });
  await fill();
  await daemon.kill9();
  await daemon.start();
  expect((await api.get<{ State: { Status: string } }>(`/containers/${id}/json`)).State.Status).toBe("running");
  expect((await api.call("DELETE", `/containers/${id}?force=1`)).status).toBe(204);
  rmSync(ballast());
  expect((await api.sh("echo room again")).stdout).toBe("room again\n");
}, 60_000);

test("nothing is left when every container is removed", async () => {
  writeFileSync(ballast(), "");
  expect(await daemon.leakCheck()).toEqual([]);
});
