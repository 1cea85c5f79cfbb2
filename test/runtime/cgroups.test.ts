import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import {
  cgroupPids,
  freezeCgroup,
  isFrozen,
  killCgroup,
  removeCgroupTree,
  sweepCgroups,
  thawCgroup,
  updateLimits,
} from "../../src/runtime/cgroups/cgroup-control.ts";
import { NO_LIMITS } from "../../src/runtime/cgroups/effective-resources.ts";
import { until } from "../harness/until.ts";
import { obstacle } from "../launcher/box.ts";
import { type ContainerBox, createContainerBox } from "./container-box.ts";

const MEBIBYTE = 1024 * 1024;

describe.skipIf(obstacle() !== undefined)("cgroups", () => {
  let box: ContainerBox;
  beforeAll(async () => {
    box = await createContainerBox();
  });
  afterAll(() => box[Symbol.asyncDispose]());

  const limit = (path: string, controller: string, file: string) => {
    const { cgroup } = box.host;
    const root = cgroup.version === 1 ? cgroup.hierarchies[controller] : cgroup.root;
    return readFileSync(`${root}${path}/${file}`, "utf8").trim();
  };

  test("a container that takes more memory than it may is killed, and it is said why", async () => {
    const resources = { memoryBytes: 16 * MEBIBYTE, memorySwapBytes: 16 * MEBIBYTE };
    const { exit } = await box.run({ resources }, "sh", "-c", "x=a; while true; do x=$x$x; done");
    expect(exit).toMatchObject({ code: 137, signal: 9, oomKilled: true });
  });

  test("a fork bomb ends at the pids limit", async () => {
    const script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 5 & done; echo all";
    const { stdout, stderr, exit } = await box.run({ resources: { pidsLimit: 8 } }, "sh", "-c", script);
    expect(stdout).not.toContain("all");
    expect(stderr).toContain("can't fork");
    expect(exit.code).not.toBe(0);
  });

  test("cpuset, shares, quota and memory end up where the kernel reads them", async () => {
    const resources = { cpusetCpus: "0", cpuShares: 512, nanoCpus: 500_000_000, memoryBytes: 64 * MEBIBYTE };
    const { task, cgroupPath } = await box.start({ resources }, ["sleep", "100"]);
    if (box.host.cgroup.version === 1) {
      expect(limit(cgroupPath, "cpuset", "cpuset.cpus")).toBe("0");
      expect(limit(cgroupPath, "cpu", "cpu.shares")).toBe("512");
      expect(limit(cgroupPath, "cpu", "cpu.cfs_quota_us")).toBe("50000");
      expect(limit(cgroupPath, "memory", "memory.limit_in_bytes")).toBe(String(64 * MEBIBYTE));
      expect(limit(cgroupPath, "memory", "memory.memsw.limit_in_bytes")).toBe(String(128 * MEBIBYTE));
    }
    const allowed = readFileSync(`/proc/${task.pid}/status`, "utf8");
    expect(allowed).toMatch(/Cpus_allowed_list:\t0\n/);
    await task.signal(9);
    await task.exited;
  });

  test("limits of a running container can be changed, up and down", async () => {
    const { task, cgroupPath } = await box.start({ resources: { memoryBytes: 32 * MEBIBYTE } }, ["sleep", "100"]);
    for (const mebibytes of [256, 16, 64]) {
      updateLimits(box.host, cgroupPath, { ...NO_LIMITS, memoryBytes: mebibytes * MEBIBYTE, pidsLimit: 50 });
      if (box.host.cgroup.version === 1) {
        expect(limit(cgroupPath, "memory", "memory.limit_in_bytes")).toBe(String(mebibytes * MEBIBYTE));
        expect(limit(cgroupPath, "memory", "memory.memsw.limit_in_bytes")).toBe(String(2 * mebibytes * MEBIBYTE));
      }
    }
    expect(limit(cgroupPath, "pids", "pids.max")).toBe("50");
    await task.signal(9);
    await task.exited;
  });

  test("attack 15: the device list survives freezing and thawing", async () => {
    const { cgroup } = box.host;
    const script = "while ! test -e /go; do usleep 1000; done; mknod /d b 254 0; head -c1 /d 2>&1";
    const { task, cgroupPath } = await box.start({}, ["sh", "-c", script]);
    await freezeCgroup(cgroup, cgroupPath);
    expect(isFrozen(cgroup, cgroupPath)).toBe(true);
    thawCgroup(cgroup, cgroupPath);
    expect(isFrozen(cgroup, cgroupPath)).toBe(false);
    expect(cgroupPids(cgroup, cgroupPath)).toContain(task.pid);
    if (cgroup.version === 1) expect(limit(cgroupPath, "devices", "devices.list")).not.toContain("a *:* rwm");
    await task.signal(9);
    await task.exited;
  });

  test("a frozen container can be killed", async () => {
    const { cgroup } = box.host;
    const { task, cgroupPath } = await box.start({}, ["sleep", "100"]);
    await freezeCgroup(cgroup, cgroupPath);
    expect(await killCgroup(cgroup, cgroupPath)).toBe(true);
    expect((await task.exited).code).toBe(137);
    await until("the cgroup is gone", () => removeCgroupTree(cgroup, cgroupPath));
  });

  test("without a pid namespace of its own a container still leaves nothing running", async () => {
    const namespaces = { pid: "host", net: "new", ipc: "new", uts: "new", cgroup: "new" } as const;
    const script = "sleep 100 & sleep 100 & echo $!";
    const { task, cgroupPath } = await box.start({ namespaces }, ["sh", "-c", script]);
    expect((await task.exited).code).toBe(0);
    expect(cgroupPids(box.host.cgroup, cgroupPath)).toEqual([]);
    expect(existsSync(`/proc/${task.pid}`)).toBe(false);
  });

  test("a sweep ends and removes what no record names, and only that", async () => {
    const { cgroup } = box.host;
    const kept = await box.start({}, ["sleep", "100"]);
    const stray = await box.start({}, ["sh", "-c", "sleep 100"]);
    const name = (path: string) => path.split("/").at(-1) ?? "";
    await sweepCgroups(cgroup, box.cgroupParent, new Set([name(kept.cgroupPath)]));
    expect((await stray.task.exited).code).toBe(137);
    expect(cgroupPids(cgroup, stray.cgroupPath)).toEqual([]);
    expect(cgroupPids(cgroup, kept.cgroupPath)).toEqual([kept.task.pid]);
    await kept.task.signal(9);
    await kept.task.exited;
  });
});
