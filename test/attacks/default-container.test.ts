import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { type Api, apiOf } from "./api.ts";
import { loadProbeImage } from "./hostile-image.ts";

/** A default container as its user finds it: nothing that attackers' tools look for is there. */
let daemon: TestDaemon;
let api: Api;

beforeAll(async () => {
  daemon = await startDaemon();
  api = apiOf(daemon);
  await loadProbeImage(daemon);
}, 60_000);
afterEach(() => daemon?.removeContainers());
afterAll(() => daemon?.[Symbol.asyncDispose](), 60_000);

const probe = (...argv: string[]) => api.run({ Image: "probe", Cmd: ["/probe", ...argv] });

async function audit(more: Record<string, unknown> = {}) {
  const { stdout, stderr, error } = await api.run({ Image: "probe", Cmd: ["/probe", "audit"], HostConfig: more });
  expect([stderr, error]).toEqual(["", ""]);
  const lines = stdout.split("\n");
  const of = (kind: string) =>
    lines.filter((line) => line.startsWith(`${kind} `)).map((line) => line.slice(kind.length + 1));
  return { findings: of("FINDING"), facts: of("FACT") };
}

test("attacks 3, 10–16: the probe finds nothing in a default container", async () => {
  const { findings, facts } = await audit();
  expect(findings).toEqual([]);
  expect(facts).toContain("audit done");
  expect(facts).toContain("CapEff 00000000a80425fb");
  expect(facts).toContain("CapInh 0000000000000000");
  expect(facts).toContain("CapAmb 0000000000000000");
  expect(facts).toContain("Seccomp 2");
  const refused = Number(facts.find((fact) => fact.startsWith("refused-calls "))?.split(" ")[1]);
  expect(refused).toBeGreaterThan(90);
}, 60_000);

test("the probe does find what a privileged container has: it is not blind", async () => {
  const { findings } = await audit({ Privileged: true });
  expect(findings.length).toBeGreaterThan(20);
  expect(findings).toContainEqual(expect.stringContaining("system call bpf"));
  expect(findings).toContainEqual(expect.stringMatching(/opens for writing/));
}, 60_000);

test("attacks 10–16: every namespace is its own, but for the user's and the time's", async () => {
  const { facts } = await audit();
  // Docker's default too: with cgroup v1 the cgroup namespace is the host's.
  const shared = existsSync("/sys/fs/cgroup/cgroup.controllers") ? ["user"] : ["cgroup", "user"];
  const own = (name: string) =>
    facts
      .find((fact) => fact.startsWith(`ns-${name} `))
      ?.split(" ")
      .at(-1) !== readlinkSync(`/proc/self/ns/${name}`);
  expect(["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"].filter((name) => !own(name))).toEqual(shared);
}, 60_000);

test("attack 10: neither release_agent nor a mount nor a user namespace leads to the host", async () => {
  const script = [
    "find / -name release_agent 2>/dev/null | wc -l",
    "mount -t cgroup -o memory c /mnt; mount -t proc p /mnt; mount --bind / /mnt",
    "unshare -Ur true; unshare -m true",
    "echo a > /sys/fs/cgroup/devices/devices.allow",
  ].join("\n");
  const { stdout, stderr } = await api.sh(script);
  expect(stdout).toBe("0\n");
  expect(stderr.match(/denied|permitted|nonexistent|[Rr]ead-only/g)?.length).toBe(6);
});

test("attack 11: what /proc and /sys tell of the host is masked", async () => {
  const files = "kcore keys timer_list interrupts latency_stats sched_debug timer_stats"
    .split(" ")
    .map((name) => `/proc/${name}`);
  const folders = "/proc/acpi /proc/asound /proc/scsi /sys/firmware /sys/devices/virtual/powercap";
  const throttles = "/sys/devices/system/cpu/cpu*/thermal_throttle";
  const script = `cat ${files.join(" ")} 2>/dev/null | wc -c; find ${folders} ${throttles} -mindepth 1 2>/dev/null | wc -l`;
  expect((await api.sh(script)).stdout).toBe("0\n0\n");
});

test("attack 14: an exec has no more than the container, unless it is asked for", async () => {
  const id = await api.start({ Cmd: ["sleep", "100"], HostConfig: { CapDrop: ["ALL"], CapAdd: ["KILL"] } });
  const effective = ["sh", "-c", "grep -E 'Cap(Inh|Eff)|Seccomp:' /proc/self/status | cut -f2"];
  const own = "0000000000000000\n0000000000000020\n2\n";
  expect((await api.exec(id, effective)).stdout).toBe(own);
  expect((await api.exec(id, effective, { User: "nobody" })).stdout).toBe("0000000000000000\n0000000000000000\n2\n");
  expect((await api.exec(id, effective, { Privileged: true })).stdout).toMatch(/^0{16}\n000001f/);
});

test("attack 15: a disk of the host cannot be opened, also after a pause and an update", async () => {
  const id = await api.start({ Cmd: ["sleep", "100"] });
  const open = ["sh", "-c", "rm -f /tmp/d; mknod /tmp/d b 254 0 && head -c1 /tmp/d"];
  const refused = async () => expect((await api.exec(id, open)).stderr).toMatch(/Operation not permitted/);
  await refused();
  expect((await api.call("POST", `/containers/${id}/pause`)).status).toBe(204);
  expect((await api.call("POST", `/containers/${id}/unpause`)).status).toBe(204);
  await refused();
  await daemon.kill9();
  await daemon.start();
  await refused();
});

test("attack 17: processes of the host and of neighbours are out of reach", async () => {
  const neighbour = await api.start({ Cmd: ["sleep", "100"] });
  const { State } = await api.get<{ State: { Pid: number } }>(`/containers/${neighbour}/json`);
  const NO_SUCH_PROCESS = 3;
  for (const pid of [State.Pid, process.pid, daemon.pid()]) {
    const words = (await probe("reach", String(pid))).stdout.trim().split(" ");
    expect(words.filter((_, index) => index % 2 === 1)).toEqual(Array(4).fill(String(NO_SUCH_PROCESS)));
  }
});

test("attack 17: nothing of the host is in the container's /proc", async () => {
  const { stdout } = await api.sh("ls /proc | grep -E '^[0-9]+$' | wc -l");
  expect(Number(stdout)).toBeLessThan(8);
  expect(readdirSync("/proc").filter((name) => /^\d+$/.test(name)).length).toBeGreaterThan(8);
});
