import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";

/** Limits that the kernel enforces, seen from inside and by their effect. */
let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await startDaemon();
}, 60_000);
afterEach(() => daemon?.removeContainers());
afterAll(() => daemon?.[Symbol.asyncDispose](), 60_000);

const run = (...args: string[]) => daemon.gantry(["run", ...args]);

test("a container that takes more memory than it may is killed, and says so", async () => {
  const hog = "head -c 200m /dev/zero | tail";
  const { code } = await run("--name", "hog", "-m", "32m", "busybox", "sh", "-c", `${hog}; exit $?`);
  expect(code).toBe(137);
  const inspected = await daemon.gantry(["inspect", "-f", "{{.State.OOMKilled}}", "hog"]);
  expect(inspected.stdout).toBe("true\n");
});

test("a fork bomb stops at the limit of processes", async () => {
  const { stdout, stderr } = await run(
    "--rm",
    "--pids-limit",
    "20",
    "busybox",
    "sh",
    "-c",
    "for i in $(seq 50); do sleep 5 & done; echo bomb over",
  );
  expect(stdout + stderr).toMatch(/can't fork|Resource temporarily unavailable/);
});

test("defaults are safe: capabilities, seccomp, no device but the listed, masked paths", async () => {
  const script =
    "grep -E 'CapEff|Seccomp:|NoNewPrivs' /proc/1/status; cat /proc/kcore | wc -c; echo 1 > /proc/sys/kernel/panic; mknod /tmp/d b 254 0; mount -t tmpfs t /mnt";
  const { stdout, stderr } = await run("--rm", "busybox", "sh", "-c", script);
  expect(stdout).toContain("CapEff:\t00000000a80425fb");
  expect(stdout).toContain("Seccomp:\t2");
  expect(stdout).toMatch(/\n0\n/);
  expect(stderr).toMatch(/panic: Read-only file system/);
  expect(stderr).toMatch(/mount: .*(permission denied|Operation not permitted)/i);
});

test("--cap-drop, --privileged, --security-opt and --ulimit are as asked for", async () => {
  const status = async (...options: string[]) =>
    (
      await run(
        "--rm",
        ...options,
        "busybox",
        "sh",
        "-c",
        "grep -E 'CapEff|Seccomp:|NoNewPrivs' /proc/1/status; ulimit -n",
      )
    ).stdout;
  expect(await status("--cap-drop", "ALL", "--cap-add", "NET_ADMIN", "--ulimit", "nofile=123:456")).toMatch(
    /CapEff:\t0000000000001000[\s\S]*\n123\n$/,
  );
  expect(await status("--security-opt", "no-new-privileges", "--security-opt", "seccomp=unconfined")).toMatch(
    /NoNewPrivs:\t1\nSeccomp:\t0/,
  );
  expect(await status("--privileged")).toMatch(/CapEff:\t000001f/);
});

test("nothing is left when every container is removed", async () => {
  expect(await daemon.leakCheck()).toEqual([]);
});
