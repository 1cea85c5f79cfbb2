import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { killProcesses } from "../harness/leaks.ts";
import { until } from "../harness/until.ts";

/**
 * The host goes down and comes up again: the daemon sees another boot id (a file mounted over the kernel's, in a mount namespace
 * of its own), no process of ours is left, and the exec root still has what the last boot left in it.
 */
let directory: string;
let daemon: TestDaemon;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "gantry-boot-"));
  writeFileSync(join(directory, "boot-id"), `${randomUUID()}\n`);
  const script = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"';
  daemon = await startDaemon({ wrapper: ["unshare", "-m", "sh", "-c", script, join(directory, "boot-id")] });
}, 60_000);
afterEach(() => daemon?.removeContainers());
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

async function reboot(): Promise<void> {
  await daemon.kill9();
  await killProcesses(daemon);
  writeFileSync(join(directory, "boot-id"), `${randomUUID()}\n`);
  await daemon.start();
}

async function gantry(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon.gantry(args);
  if (code !== 0) throw new Error(`gantry ${args.join(" ")}: exit code ${code}: ${stderr}`);
  return stdout.trim();
}

const state = (name: string) => gantry("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", name);

test("what ran is exited with 255, keeps its files and its log, and can be started again", async () => {
  const script = "echo started; echo x >> /file; exec sleep 1000";
  await gantry("run", "-d", "--name", "plain", "-v", "kept:/v", "busybox", "sh", "-c", script);
  await until("it has begun", async () => (await gantry("logs", "plain")) === "started");
  await reboot();
  expect(await state("plain")).toBe("exited 255");
  expect(await daemon.call("GET", "/containers/plain/json")).toMatchObject({ State: { Pid: 0, Running: false } });
  await gantry("start", "plain");
  await until("it says it again", async () => (await gantry("logs", "plain")) === "started\nstarted");
  expect(await gantry("exec", "plain", "cat", "/file")).toBe("x\nx");
  await gantry("rm", "-f", "plain");
  await gantry("volume", "rm", "kept");
});

test("restart policies are obeyed, and what the user had stopped stays so", async () => {
  const policies = ["always", "unless-stopped", "on-failure", "no"];
  for (const policy of policies)
    await gantry("run", "-d", "--restart", policy, "--name", policy, "busybox", "sleep", "1000");
  await gantry("run", "-d", "--restart", "unless-stopped", "--name", "stopped", "busybox", "sleep", "1000");
  await gantry("stop", "stopped");
  await gantry("run", "-d", "--rm", "--name", "fleeting", "busybox", "sleep", "1000");
  await reboot();
  for (const policy of policies.slice(0, 3))
    await until(`${policy} runs again`, async () => (await state(policy)) === "running 0");
  expect([await state("no"), await state("stopped")]).toEqual(["exited 255", "exited 137"]);
  await until("--rm is honoured", async () => (await gantry("ps", "-aq", "--filter", "name=fleeting")) === "");
});

test("a published port is free for its container again", async () => {
  const serve = "mkdir /www; echo page > /www/index.html; exec httpd -f -p 80 -h /www";
  const options = ["--restart", "always", "-p", "127.0.0.1:0:80"];
  await gantry("run", "-d", "--name", "web", ...options, "busybox", "sh", "-c", serve);
  await until("it answers", async () => (await fetch(`http://${await gantry("port", "web", "80")}/`)).ok);
  await reboot();
  await until("it answers", async () => (await fetch(`http://${await gantry("port", "web", "80")}/`)).ok);
});

test("nothing is left when every container is removed", async () => {
  expect(await daemon.leakCheck()).toEqual([]);
});
