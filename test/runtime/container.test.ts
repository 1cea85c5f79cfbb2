import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../src/base/errors.ts";
import { cgroupDirectories } from "../../src/runtime/cgroups/cgroup-operations.ts";
import { until } from "../harness/until.ts";
import { obstacle } from "../launcher/box.ts";
import { type ContainerBox, createContainerBox } from "./container-box.ts";

function failure(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(() => "no failure", messageOf);
}

describe.skipIf(obstacle() !== undefined)("containers from plans", () => {
  let box: ContainerBox;
  beforeAll(async () => {
    box = await createContainerBox();
  });
  afterAll(() => box[Symbol.asyncDispose]());

  const status = (field: string) => `grep ^${field}: /proc/self/status | cut -f2`;

  test("run in their own namespaces, and leave no cgroup behind", async () => {
    const { task, output, cgroupPath } = await box.start({}, [
      "sh",
      "-c",
      "hostname; echo $$; ls /proc | grep -c '^[0-9]'; id",
    ]);
    const text = (await new Response(output as unknown as ReadableStream).text()).replace(/[^ -~\n]/g, "");
    await task.exited;
    expect(text).toContain("box\n");
    const directories = cgroupDirectories(box.host.cgroup, cgroupPath);
    expect(directories.length).toBeGreaterThan(0);
    expect(directories.filter((directory) => existsSync(directory))).toEqual([]);
  });

  test("attack 14: the capabilities are Docker's fourteen, none is inheritable or ambient", async () => {
    const sets = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map(status).join("; ");
    const defaults = "00000000a80425fb";
    const none = "0000000000000000";
    expect((await box.sh({}, sets)).split("\n")).toEqual([none, defaults, defaults, defaults, none]);
    const user = { uid: 1000, gid: 1000, groups: [1000], home: "/" };
    expect((await box.sh({ process: { user } }, sets)).split("\n")).toEqual([none, none, none, defaults, none]);
    const one = { capDrop: ["ALL"], capAdd: ["NET_BIND_SERVICE"] };
    const only = "0000000000000400";
    expect((await box.sh({ security: one }, sets)).split("\n")).toEqual([none, only, only, only, none]);
    const all = box.host.boundingCapabilities.toString(16).padStart(16, "0");
    expect((await box.sh({ security: { privileged: true } }, sets)).split("\n")).toEqual([none, all, all, all, none]);
  });

  test("attack 14: no_new_privs and seccomp are on as asked", async () => {
    const script = `${status("NoNewPrivs")}; ${status("Seccomp")}`;
    expect(await box.sh({}, script)).toBe("0\n2");
    expect(await box.sh({ security: { securityOptions: ["no-new-privileges"] } }, script)).toBe("1\n2");
    expect(await box.sh({ security: { securityOptions: ["seccomp=unconfined"] } }, script)).toBe("0\n0");
    expect(await box.sh({ security: { privileged: true } }, script)).toBe("0\n0");
  });

  test("attack 11: masked paths are empty, read-only paths cannot be written", async () => {
    expect(await box.sh({}, "cat /proc/kcore /proc/keys /proc/timer_list /proc/interrupts 2>/dev/null | wc -c")).toBe(
      "0",
    );
    expect(
      await box.sh({}, "ls -A /proc/acpi /proc/scsi /sys/firmware 2>/dev/null | grep -v : | grep -v '^$' | wc -l"),
    ).toBe("0");
    for (const path of ["/proc/sys/kernel/hostname", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper"]) {
      expect(await box.sh({}, `echo x > ${path}; echo $?`)).toMatch(
        /Read-only file system|Permission denied|nonexistent/,
      );
    }
    expect(await box.sh({}, "mkdir /sys/firmware/x 2>&1")).toMatch(/Read-only|Permission/);
  });

  test("attack 10: cgroups are read-only, and no new ones can be mounted", async () => {
    const script =
      "for f in /sys/fs/cgroup/memory/x /sys/fs/cgroup/x; do mkdir $f; done; echo a > /sys/fs/cgroup/devices/devices.allow";
    const text = await box.sh({}, script);
    expect(text.match(/Read-only file system/g)?.length).toBe(3);
    expect(await box.sh({}, "mkdir /tmp/c; mount -t cgroup -o rdma c /tmp/c; echo $?")).toMatch(/denied|permitted/);
    expect(await box.sh({}, "unshare -Ur true; echo $?")).toMatch(/not permitted/);
    expect(await box.sh({}, "cat /proc/self/cgroup | cut -d: -f3 | sort -u")).toBe("/");
    expect(await box.sh({}, "ls /sys/fs/cgroup/release_agent /sys/fs/cgroup/*/release_agent 2>/dev/null | wc -l")).toBe(
      "0",
    );
  });

  test("/dev holds exactly what Docker's does", async () => {
    const names = "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero".split(" ");
    expect((await box.sh({}, "ls /dev")).split("\n")).toEqual(names);
    expect(
      await box.sh({}, "for n in null zero full random urandom tty; do stat -c '%n %F %t:%T %a' /dev/$n; done"),
    ).toBe(
      "null 1:3,zero 1:5,full 1:7,random 1:8,urandom 1:9,tty 5:0"
        .split(",")
        .map((entry) => entry.replace(/(\w+) (\S+)/, "/dev/$1 character special file $2 666"))
        .join("\n"),
    );
    expect(await box.sh({}, "grep -E ' /dev(/[a-z]+)? ' /proc/mounts | cut -d' ' -f2,3")).toBe(
      "/dev tmpfs\n/dev/pts devpts\n/dev/mqueue mqueue\n/dev/shm tmpfs",
    );
    expect(await box.sh({ process: { tty: true } }, "ls /dev/console; tty")).toBe("/dev/console\r\n/dev/pts/0");
  });

  test("attack 15: the device cgroup refuses what the default list lacks, by any node", async () => {
    const opened = (kind: string, numbers: string) =>
      `mknod /tmp/d ${kind} ${numbers} && head -c1 /tmp/d 2>&1 | head -c 200; rm -f /tmp/d`;
    expect(await box.sh({}, opened("b", "254 0"))).toMatch(/Operation not permitted/);
    expect(await box.sh({}, opened("c", "1 1"))).toMatch(/Operation not permitted/);
    expect(await box.sh({}, opened("c", "10 229"))).toMatch(/Operation not permitted/);
    expect((await box.sh({}, "mknod /tmp/d c 1 9 && head -c1 /tmp/d | wc -c; rm /tmp/d")).trim()).toBe("1");
    const devices = [{ pathOnHost: "/dev/kmsg", pathInContainer: "/dev/log0", permissions: "r" }];
    expect(await box.sh({ resources: { devices } }, "test -c /dev/log0 && echo there; echo x > /dev/log0")).toMatch(
      /there\n.*Operation not permitted/,
    );
  });

  test("a privileged container sees the host's devices and writes /sys", async () => {
    const script =
      "test -e /dev/kmsg && echo devices; grep ' /sys ' /proc/mounts | cut -d' ' -f4 | cut -d, -f1; wc -c < /proc/interrupts";
    const [devices, sys, interrupts] = (await box.sh({ security: { privileged: true } }, script)).split("\n");
    expect([devices, sys]).toEqual(["devices", "rw"]);
    expect(Number(interrupts)).toBeGreaterThan(0);
  });

  test("--read-only leaves only what must be writable", async () => {
    const security = { readOnlyRootfs: true };
    const script = "touch /x; touch /dev/shm/ok /dev/ok && echo fine";
    expect(await box.sh({ security }, script)).toMatch(/fine\n.*Read-only file system/);
  });

  test("host namespaces are the host's", async () => {
    const host = { net: "host", pid: "host", ipc: "host", uts: "host" } as const;
    const namespaces = { ...host, cgroup: "host" as const };
    const links = ["net", "pid", "ipc", "uts", "cgroup"].map((name) => `readlink /proc/self/ns/${name}`).join(";");
    const own = (await Bun.$`sh -c ${links}`.text()).trim();
    expect(await box.sh({ namespaces, ipc: "host" }, links)).toBe(own);
  });

  test("mounts of the user: binds, tmpfs with words, read-only", async () => {
    const source = join(box.dir, "data");
    mkdirSync(source);
    writeFileSync(join(source, "file"), "content");
    const bind = { kind: "bind" as const, source, recursive: true, propagation: "rprivate" as const };
    const mounts = [
      { ...bind, destination: "/data", attributes: {} },
      { ...bind, destination: "/new/place", attributes: { readOnly: true } },
      {
        kind: "tmpfs" as const,
        destination: "/scratch",
        options: ["size=64k", "exec", "mode=700"],
        attributes: { noExec: true, noSuid: true, noDev: true },
      },
    ];
    const script =
      "cat /data/file; echo; touch /data/made; touch /new/place/x; grep ' /scratch ' /proc/mounts; stat -c %a /scratch";
    const text = await box.sh({ mounts }, script);
    expect(text).toMatch(
      /^content\ntmpfs \/scratch tmpfs rw,nosuid,nodev,relatime,size=64k,mode=700.*\n700\n.*Read-only file system$/,
    );
    expect(existsSync(join(source, "made"))).toBe(true);
  });

  test("attack 9: a mount whose destination climbs stays inside the root", async () => {
    const source = join(box.dir, "climb");
    mkdirSync(source);
    const mounts = [
      {
        kind: "bind" as const,
        source,
        destination: "/../../../../etc/climbed",
        recursive: true,
        attributes: {},
        propagation: "rprivate" as const,
      },
    ];
    expect(await box.sh({ mounts }, "ls -d /etc/climbed")).toBe("/etc/climbed");
    expect(existsSync("/etc/climbed")).toBe(false);
  });

  test("attack 7: an image whose /proc leads elsewhere does not start", async () => {
    const { rootfs } = box
      .plan({}, ["true"])
      .plan.operations.reduce<{ rootfs: string }>(
        (found, one) => (one.op === "mount-overlay" ? { rootfs: one.data } : found),
        { rootfs: "" },
      );
    const lower = /lowerdir=([^,]+)/.exec(rootfs)?.[1] ?? "";
    for (const target of ["/etc", "/sys", "../../../../etc"]) {
      const cwd = join(box.dir, `hostile${target.replaceAll(/[./]/g, "-")}`);
      for (const name of ["upper", "work", "layer"]) mkdirSync(join(cwd, name), { recursive: true });
      symlinkSync(target, join(cwd, "layer/proc"));
      const data = `lowerdir=layer:${lower},upperdir=upper,workdir=work,volatile`;
      expect(await failure(box.run({ rootfs: { kind: "overlay", cwd, data } }, "true"))).toContain("/proc");
    }
  });

  test("sysctls of the container's own namespaces are set", async () => {
    const sysctls = { "net.ipv4.ip_unprivileged_port_start": "0", "kernel.shmmax": "65536" };
    const script = "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shmmax";
    expect(await box.sh({ sysctls }, script)).toBe("0\n65536");
  });

  test("ulimits, oom score, working directory, user and init are as asked", async () => {
    const ulimits = [{ name: "nofile", soft: 100, hard: 200 }];
    const user = { uid: 33, gid: 34, groups: [34, 99], home: "/" };
    const wanted = { resources: { ulimits }, oomScoreAdj: 500, process: { user, workingDir: "/srv/new", init: true } };
    const script =
      "ulimit -n; ulimit -Hn; cat /proc/self/oom_score_adj; pwd; id -u; id -g; id -G; cat /proc/1/comm; umask";
    expect((await box.sh(wanted, script)).split("\n")).toEqual([
      "100",
      "200",
      "500",
      "/srv/new",
      "33",
      "34",
      "34 99",
      "docker-init",
      "0022",
    ]);
  });

  test("what the daemon may not do is a warning, not a failure", async () => {
    if (box.host.canRaiseLimits) return;
    const ulimits = [{ name: "nofile", soft: 1 << 28, hard: 1 << 28 }];
    const { exit, warnings } = await box.run({ resources: { ulimits }, oomScoreAdj: -500 }, "true");
    expect(exit.code).toBe(0);
    expect(warnings).toEqual([expect.stringContaining("oom_score_adj"), expect.stringContaining("nofile")]);
  });

  test("an exec joins everything, has the container's rights, and dies with it", async () => {
    const container = await box.start({}, ["sleep", "100"]);
    await until("the container runs", () => existsSync(`/proc/${container.task.pid}`));
    const script = `hostname; ${status("CapEff")}; ${status("Seccomp")}; cat /proc/1/comm; cat /proc/self/cgroup | cut -d: -f3 | sort -u; ls /proc/1/ns >/dev/null && echo seen`;
    const { stdout } = await box.exec(container, {}, "sh", "-c", script);
    expect(stdout.trim().split("\n")).toEqual(["box", "00000000a80425fb", "2", "sleep", "/", "seen"]);
    const privileged = await box.exec(container, { allCapabilities: true }, "sh", "-c", status("CapEff"));
    expect(BigInt(`0x${privileged.stdout.trim()}`)).toBe(box.host.boundingCapabilities);
    expect(await failure(box.exec(container, {}, "nope"))).toContain("nope");
    await container.task.signal(9);
    expect((await container.task.exited).code).toBe(137);
  });
});
