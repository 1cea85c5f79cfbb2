import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NO_LIMITS } from "../../src/runtime/cgroups/effective-resources.ts";
import { buildContainerPlan } from "../../src/runtime/plan/container-plan.ts";
import { buildExecPlan } from "../../src/runtime/plan/exec-plan.ts";
import type { ContainerPlanInput, SecuritySpec } from "../../src/runtime/plan/plan-input.ts";
import { fakeHost, plainInput } from "./fake-host.ts";
import { planChanges, planText } from "./plan-text.ts";

const TESTDATA = join(import.meta.dir, "testdata");

/** The whole text is in a file; `UPDATE_GOLDEN=1` writes it. */
function golden(name: string, lines: string[]): void {
  const path = join(TESTDATA, `${name}.txt`);
  const text = `${lines.join("\n")}\n`;
  if (process.env["UPDATE_GOLDEN"] === "1" || !existsSync(path)) {
    mkdirSync(TESTDATA, { recursive: true });
    writeFileSync(path, text);
  }
  expect(text).toBe(readFileSync(path, "utf8"));
}

function text(input: ContainerPlanInput): string[] {
  return planText(buildContainerPlan(input).plan);
}

function changes(version: 1 | 2, change: Partial<ContainerPlanInput>): string[] {
  return planChanges(text(plainInput(version)), text({ ...plainInput(version), ...change }));
}

const security = (change: Partial<SecuritySpec>) => ({ security: { ...plainInput(1).security, ...change } });
const own = plainInput(1).namespaces;

describe("the plan of", () => {
  test("a default container on cgroup v1", () => golden("default-v1", text(plainInput(1))));
  test("a default container on cgroup v2", () => golden("default-v2", text(plainInput(2))));
  test("a privileged container", () => golden("privileged-v1", changes(1, security({ privileged: true }))));
  test("a privileged container on v2 has no device program", () =>
    golden("privileged-v2", changes(2, security({ privileged: true }))));

  test("--net host has neither namespace nor netlink", () => {
    const { network: _, ...input } = plainInput(1);
    expect(planChanges(text(plainInput(1)), text({ ...input, namespaces: { ...own, net: "host" } }))).toEqual([
      '- clone clone namespaces=["pid","net","ipc","uts","mnt"]',
      "- attend netlink messages=<4 bytes> acks=1 childPidAt=[0] comment=move veth",
      "- enter netlink messages=<4 bytes> acks=2 comment=addresses",
      '+ clone clone namespaces=["pid","ipc","uts","mnt"]',
    ]);
  });

  test("--pid host ends what is left", () => {
    expect(changes(1, { namespaces: { ...own, pid: "host" } })).toEqual([
      '- clone clone namespaces=["pid","net","ipc","uts","mnt"]',
      '+ clone clone namespaces=["net","ipc","uts","mnt"]',
      "+ cleanup kill-cgroup version=1 path=/sys/fs/cgroup/pids/gantry/c0ffee",
    ]);
  });

  test("--pid container:… joins its cgroups before it forks into the namespace", () => {
    const lines = text({ ...plainInput(1), namespaces: { ...own, pid: { fd: 2 } } }).filter((line) =>
      line.startsWith("enter"),
    );
    expect(lines.slice(0, 4)).toEqual([
      "enter session-keyring name=_ses.c0ffee",
      "enter await-attend",
      'enter setns fd=2 namespaces=["pid"]',
      "enter enter-pid-namespace",
    ]);
  });

  test("--read-only, --uts host, --ipc none", () => {
    expect(changes(1, security({ readOnlyRootfs: true }))).toEqual(["+ enter root-attributes attributes={readOnly}"]);
    expect(changes(1, { namespaces: { ...own, uts: "host" } })).toContain("- enter hostname name=c0ffee");
    expect(changes(1, { ipc: "none" })).toEqual([
      '- enter mount-fs fstype=tmpfs source=shm target=/dev/shm options=["mode=1777","size=67108864"] attributes={noSuid noDev noExec}',
    ]);
  });

  test("limits, on both versions", () => {
    const resources = {
      ...NO_LIMITS,
      memoryBytes: 67108864,
      memoryReservationBytes: 33554432,
      memorySwappiness: 10,
      nanoCpus: 1_500_000_000,
      cpuShares: 1024,
      cpusetCpus: "0-1",
      pidsLimit: 100,
      blkioWeight: 300,
      blkioReadBps: [{ path: "/dev/sda", rate: 1048576 }],
      devices: [{ pathOnHost: "/dev/snd", pathInContainer: "/dev/snd", permissions: "rw" }],
      deviceCgroupRules: ["c 42:* rmw"],
    };
    golden("limits-v1", changes(1, { resources }));
    golden("limits-v2", changes(2, { resources }));
  });

  test("a terminal, no_new_privs, init and an oom score", () => {
    const input = plainInput(1);
    const process = { ...input.process, tty: true, init: true };
    const lines = text({ ...input, process, oomScoreAdj: 10, ...security({ securityOptions: ["no-new-privileges"] }) });
    expect(
      lines
        .slice(lines.indexOf("enter pivot-root"))
        .filter((line) => line.startsWith("enter"))
        .map((line) => line.split(" ")[1]),
    ).toEqual(
      "pivot-root terminal oom-score-adj chdir no-new-privileges credentials capabilities seccomp init exec".split(" "),
    );
  });

  test("a user's mount takes the place of the default one", () => {
    const mount = {
      kind: "tmpfs" as const,
      destination: "/dev/shm",
      options: ["size=1m", "exec"],
      attributes: { noExec: true },
    };
    expect(changes(1, { mounts: [mount] }).filter((line) => line.startsWith("+"))).toEqual([
      '+ enter mount-fs fstype=tmpfs source=tmpfs target=/dev/shm options=["size=1m"] attributes={noExec:false}',
    ]);
    const dev = {
      kind: "bind" as const,
      source: "/dev",
      destination: "/dev",
      recursive: true,
      attributes: {},
      propagation: "rprivate" as const,
    };
    const left = text({ ...plainInput(1), mounts: [dev] }).filter((line) => / target=\/dev/.test(line));
    expect(left).toEqual([
      "enter mount-bind source=/dev target=/dev recursive=true attributes={} propagation=rprivate",
    ]);
  });

  test("/dev/shm of another container is taken from its mount namespace", () => {
    const shm = (ipc: ContainerPlanInput["ipc"]) =>
      text({ ...plainInput(1), ipc }).filter((line) => line.includes("target=/dev/shm"));
    const rest = "target=/dev/shm recursive=true attributes={noSuid noDev noExec}";
    expect(shm("none")).toEqual([]);
    expect(shm("host")).toEqual([`enter mount-bind source=/dev/shm ${rest}`]);
    expect(shm({ shmOf: 2 })).toEqual([`enter mount-bind source=/ below=dev/shm from=2 ${rest}`]);
  });

  test("a shared bind comes from the daemon's own mounts and makes the root shared; part of a volume is looked for beneath it", () => {
    const bind = { kind: "bind" as const, source: "/s", destination: "/d", recursive: true, attributes: {} };
    const mounted = (propagation: "rshared" | "rslave", below?: string) =>
      text({ ...plainInput(1), hostMounts: 3, mounts: [{ ...bind, propagation, ...(below ? { below } : {}) }] }).filter(
        (line) => line.includes("target=/d ") || line.includes(" pivot-root"),
      );
    const rest = "target=/d recursive=true attributes={}";
    expect(mounted("rshared")).toEqual([
      `enter mount-bind source=/s from=3 ${rest} propagation=rshared`,
      "enter pivot-root propagation=shared",
    ]);
    expect(mounted("rslave", "a/b")).toEqual([
      `enter mount-bind source=/s below=a/b ${rest} propagation=rslave`,
      "enter pivot-root",
    ]);
  });

  test("backings are mounted before the root, with their place as the root of what is made in them", () => {
    const files = [{ name: "0", content: Buffer.from("secret"), mode: 0o400, uid: 1, gid: 2 }];
    const backings = {
      place: "/run/b",
      inputs: [
        { kind: "overlay" as const, name: "0", cwd: "/l", data: "lowerdir=1:2" },
        { kind: "files" as const, name: "files", sizeBytes: 6, files },
      ],
    };
    const bind = { kind: "bind" as const, source: "/run/b/0", below: "a", rooted: true, destination: "/d" };
    const mounts = [{ ...bind, recursive: false, attributes: {}, propagation: "rprivate" as const }];
    expect(changes(1, { backings, mounts })).toEqual([
      "+ enter open-root path=/run/b",
      "+ enter mount-overlay cwd=/l target=/run/b/0 data=lowerdir=1:2",
      '+ enter mount-fs fstype=tmpfs source=tmpfs target=/files options=["mode=0700","size=1048582"] attributes={noSuid noDev noExec}',
      "+ enter make-file target=/files/0 content=<6 bytes> mode=256 uid=1 gid=2",
      "+ enter mount-bind source=/run/b/0 below=a rooted=true target=/d recursive=false attributes={} propagation=rprivate",
    ]);
    const order = text({ ...plainInput(1), backings });
    expect(order.indexOf("enter open-root path=/run/b")).toBeLessThan(
      order.findIndex((line) => line.startsWith("enter mount-overlay") && !line.includes("/run/b")),
    );
  });

  test("a volume that is a mount of its own: the words of its options become attributes and options", () => {
    const volume = {
      kind: "volume-mount" as const,
      volume: "/v/_data",
      destination: "/d",
      attributes: { readOnly: true },
    };
    const fs = { ...volume, mount: { kind: "fs" as const, fstype: "nfs", source: ":/x" }, options: ["addr=h", "rw"] };
    const bind = { kind: "bind" as const, source: "/s", recursive: false };
    expect(
      text({ ...plainInput(1), mounts: [fs, { ...volume, mount: bind, below: "a", options: ["noexec"] }] }).filter(
        (line) => line.includes("target=/d "),
      ),
    ).toEqual([
      'enter mount-fs fstype=nfs source=:/x target=/d options=["addr=h"] attributes={readOnly} volume=/v/_data',
      "enter mount-bind source=/s below=a target=/d recursive=false attributes={noExec readOnly} propagation=rprivate volume=/v/_data",
    ]);
  });

  test.each([1, 2] as const)("an exec on cgroup v%d", (version) => {
    const { host, supervise, process, resources, security: own, cgroupPath } = plainInput(version);
    const { plan } = buildExecPlan({
      id: "e1",
      host,
      supervise,
      process,
      resources,
      security: own,
      cgroupPath,
      pidfd: 0,
      namespaces: ["pid", "net", "mnt"],
      privileged: false,
    });
    golden(`exec-v${version}`, planText(plan));
  });
});

test("options that Docker refuses, and what cannot be given", () => {
  const { warnings } = buildContainerPlan({
    ...plainInput(1),
    host: fakeHost(1, { canRaiseLimits: false, boundingCapabilities: 0xffffn, seccomp: false }),
    oomScoreAdj: -10,
    resources: { ...NO_LIMITS, ulimits: [{ name: "nofile", soft: 10, hard: 2000 }] },
    ...security({ capAdd: ["SYS_ADMIN"] }),
  });
  expect(warnings).toEqual([
    "The daemon may not lower oom_score_adj to -10.",
    "The daemon lacks CAP_SYS_ADMIN; it was not added.",
    "Seccomp is not enabled in your kernel, running container without default profile.",
    "The daemon may not raise the limit nofile above 1024; it is not set to 2000.",
  ]);
  const bad = (change: Partial<ContainerPlanInput>) => () => buildContainerPlan({ ...plainInput(1), ...change });
  expect(bad(security({ securityOptions: ["nope"] }))).toThrow('invalid --security-opt 1: "nope"');
  expect(bad(security({ securityOptions: ["nope=1"] }))).toThrow('invalid --security-opt 2: "nope=1"');
  const devices = [{ pathOnHost: "/dev/nope", pathInContainer: "/dev/nope", permissions: "rwm" }];
  expect(bad({ resources: { ...NO_LIMITS, devices } })).toThrow(
    'error gathering device information while adding custom device "/dev/nope": no such file or directory',
  );
  expect(bad({ resources: { ...NO_LIMITS, ulimits: [{ name: "nope", soft: 1, hard: 1 }] } })).toThrow(
    "invalid ulimit type: nope",
  );
});

test("attack 7: nothing is mounted over /proc or in it but a real /proc, and files that lxcfs replaces", () => {
  const mounted =
    (destination: string, source = "/volume") =>
    () => {
      const bind = { kind: "bind" as const, source, destination, recursive: true, attributes: {} };
      return text({ ...plainInput(1), mounts: [{ ...bind, propagation: "rprivate" as const }] });
    };
  for (const destination of ["/proc", "/proc/", "//proc/.", "/x/../proc/self/attr", "proc/sys", "/proc/1"]) {
    expect(mounted(destination)).toThrow("cannot be mounted because it is inside /proc");
  }
  const tmpfs = { kind: "tmpfs" as const, destination: "/proc", options: [], attributes: {} };
  expect(() => text({ ...plainInput(1), mounts: [tmpfs] })).toThrow(
    '"/proc" cannot be mounted because it is inside /proc',
  );
  expect(mounted("/proc", "/proc")).not.toThrow();
  for (const destination of ["/proc/meminfo", "/process", "/procs/x"]) expect(mounted(destination)).not.toThrow();
});
