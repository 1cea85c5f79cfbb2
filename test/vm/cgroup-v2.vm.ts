import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { type ContainerBox, createContainerBox } from "../runtime/container-box.ts";

/** Runs inside the machine: containers under cgroup v2, which the host of the tests may not have. */
let box: ContainerBox;

beforeAll(async () => {
  box = await createContainerBox();
});
afterAll(() => box[Symbol.asyncDispose]());

const MIB = 1024 * 1024;
const read = (name: string) => `cat /sys/fs/cgroup/${name}`;

test("the host has cgroup v2 only", () => {
  expect(box.host.cgroup.version).toBe(2);
  expect(box.host.cgroup.controllers).toEqual(expect.arrayContaining(["cpu", "cpuset", "io", "memory", "pids"]));
});

test("a container's own cgroup is the root that it sees, with its limits", async () => {
  const resources = {
    memoryBytes: 64 * MIB,
    memorySwapBytes: 64 * MIB,
    pidsLimit: 50,
    nanoCpus: 500_000_000,
    cpusetCpus: "1",
    cpuShares: 512,
  };
  const script = ["memory.max", "memory.swap.max", "pids.max", "cpu.max", "cpuset.cpus", "cpu.weight"]
    .map(read)
    .join("; ");
  const lines = (await box.sh({ resources }, script)).split("\n");
  expect(lines.slice(0, 5)).toEqual([String(64 * MIB), "0", "50", "50000 100000", "1"]);
  expect(Number(lines[5])).toBeGreaterThan(10);
  expect(await box.sh({}, "cat /proc/self/cgroup")).toBe("0::/");
});

test("more memory than allowed is an OOM kill, and the exit says so", async () => {
  const resources = { memoryBytes: 32 * MIB, memorySwapBytes: 32 * MIB };
  const { exit } = await box.run({ resources }, "sh", "-c", "head -c 100m /dev/zero | tail | wc -c; exit 1");
  expect(exit.oomKilled).toBe(true);
});

test("a fork bomb stops at the limit of processes", async () => {
  const { stdout, stderr } = await box.run(
    { resources: { pidsLimit: 10 } },
    "sh",
    "-c",
    "for i in $(seq 30); do sleep 2 & done; echo over",
  );
  expect(stdout + stderr).toMatch(/can't fork|temporarily unavailable/);
});

test("the device program allows what Docker allows and refuses a host disk", async () => {
  const security = { capAdd: ["SYS_ADMIN"] };
  const script =
    "mknod /tmp/vda b 254 0; mknod /tmp/null c 1 3; head -c 1 /tmp/vda >/dev/null; echo x > /tmp/null && echo null works; head -c 4 /dev/urandom | wc -c";
  const { stdout, stderr } = await box.run({ security }, "sh", "-c", script);
  expect(stdout).toBe("null works\n4\n");
  expect(stderr).toMatch(/vda: (Operation not permitted|Permission denied)/);
});

test("attack 10: the cgroup file system is read-only inside", async () => {
  const { stderr } = await box.run({}, "sh", "-c", "echo max > /sys/fs/cgroup/pids.max; mkdir /sys/fs/cgroup/x");
  expect(stderr.match(/Read-only file system/g)?.length).toBe(2);
});

test("containers leave no cgroup behind", () => {
  expect(readFileSync("/proc/mounts", "utf8")).not.toContain("overlay");
});
