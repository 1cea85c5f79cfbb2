import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { parseMountInfo } from "../../src/kernel/proc-info.ts";
import { freezeCgroup, isFrozen, killCgroup, thawCgroup } from "../../src/runtime/cgroups/cgroup-control.ts";
import { obstacle } from "../launcher/box.ts";
import { type ContainerBox, createContainerBox } from "./container-box.ts";

const unified = parseMountInfo(readFileSync("/proc/self/mountinfo", "utf8")).find(({ fstype }) => fstype === "cgroup2");
const reason = obstacle() ?? (unified === undefined ? "needs a mounted cgroup2" : undefined);

describe.skipIf(reason !== undefined)("on cgroup v2", () => {
  let box: ContainerBox;
  beforeAll(async () => {
    box = await createContainerBox({ unified: unified?.mountPoint ?? "" });
  });
  afterAll(() => box[Symbol.asyncDispose]());

  test("a container is born in its cgroup, sees it as the root, and cannot write it", async () => {
    const { exit, stdout, stderr } = await box.run(
      {},
      "sh",
      "-c",
      "grep ^0: /proc/self/cgroup; cat /sys/fs/cgroup/cgroup.procs | wc -l; mkdir /sys/fs/cgroup/x",
    );
    expect(stdout).toMatch(/^0::\/\n[23]\n$/);
    expect(stderr).toContain("Read-only file system");
    expect(exit.code).toBe(1);
  });

  test("attack 15: the device program refuses what the list lacks", async () => {
    const read = (kind: string, numbers: string) =>
      `mknod /d ${kind} ${numbers} && head -c1 /d 2>&1 >/dev/null && echo read`;
    expect(await box.sh({}, read("b", "254 0"))).toMatch(/Operation not permitted/);
    expect(await box.sh({}, read("c", "1 1"))).toMatch(/Operation not permitted/);
    expect(await box.sh({}, read("c", "1 9"))).toBe("read");
    const resources = { deviceCgroupRules: ["c 10:200 r"] };
    expect(await box.sh({ resources }, "mknod /d c 10 200; exec 3</d && echo open; echo x > /d")).toMatch(
      /open\n.*not permitted/,
    );
    expect(await box.sh({ security: { privileged: true } }, "exec 3</dev/kmsg && echo open")).toBe("open");
  });

  test("an exec is born in the container's cgroup", async () => {
    const container = await box.start({}, ["sleep", "100"]);
    const { stdout } = await box.exec(
      container,
      {},
      "sh",
      "-c",
      "grep ^0: /proc/self/cgroup; grep -c . /sys/fs/cgroup/cgroup.procs",
    );
    expect(stdout).toMatch(/^0::\/\n[23]\n$/);
    await container.task.signal(9);
    await container.task.exited;
  });

  test("freezing, thawing, killing a frozen one, and nothing is left", async () => {
    const { cgroup } = box.host;
    const { task, cgroupPath } = await box.start({}, ["sleep", "100"]);
    await freezeCgroup(cgroup, cgroupPath);
    expect(isFrozen(cgroup, cgroupPath)).toBe(true);
    thawCgroup(cgroup, cgroupPath);
    await freezeCgroup(cgroup, cgroupPath);
    expect(await killCgroup(cgroup, cgroupPath)).toBe(true);
    expect((await task.exited).code).toBe(137);
    expect(existsSync(`${unified?.mountPoint}${cgroupPath}`)).toBe(false);
  });

  test("without a pid namespace of its own a container still leaves nothing running", async () => {
    const namespaces = { pid: "host", net: "new", ipc: "new", uts: "new", cgroup: "new" } as const;
    const { task, cgroupPath } = await box.start({ namespaces }, ["sh", "-c", "sleep 100 & sleep 100 & true"]);
    expect((await task.exited).code).toBe(0);
    expect(existsSync(`${unified?.mountPoint}${cgroupPath}`)).toBe(false);
  });
});
