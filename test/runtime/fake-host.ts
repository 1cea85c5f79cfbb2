import { NO_LIMITS } from "../../src/runtime/cgroups/effective-resources.ts";
import type { CgroupFacts, ContainerPlanInput, HostDevice, HostFacts } from "../../src/runtime/plan/plan-input.ts";

const V1 = "cpu cpuacct cpuset memory devices freezer blkio pids systemd".split(" ");
const V1_FILES =
  "memory.limit_in_bytes memory.memsw.limit_in_bytes memory.swappiness memory.soft_limit_in_bytes memory.oom_control pids.max " +
  "cpu.shares cpu.cfs_quota_us cpu.cfs_period_us cpuset.cpus cpuset.mems blkio.throttle.read_bps_device blkio.throttle.write_bps_device " +
  "blkio.throttle.read_iops_device blkio.throttle.write_iops_device blkio.weight blkio.weight_device";
const V2_FILES =
  "memory.max memory.swap.max memory.low pids.max cpu.weight cpu.max cpuset.cpus cpuset.mems io.max io.weight";

export const CGROUPS: Record<1 | 2, CgroupFacts> = {
  1: {
    version: 1,
    hierarchies: Object.fromEntries(V1.map((name) => [name, `/sys/fs/cgroup/${name}`])),
    controllers: V1.filter((name) => name !== "systemd"),
    controlFiles: new Set(V1_FILES.split(" ")),
  },
  2: {
    version: 2,
    root: "/sys/fs/cgroup",
    controllers: ["cpuset", "cpu", "io", "memory", "pids"],
    controlFiles: new Set(V2_FILES.split(" ")),
  },
};

const DEVICES: HostDevice[] = [
  { path: "/dev/kvm", kind: "c", major: 10, minor: 232, mode: 0o660, uid: 0, gid: 104 },
  { path: "/dev/sda", kind: "b", major: 8, minor: 0, mode: 0o660, uid: 0, gid: 6 },
  { path: "/dev/snd/timer", kind: "c", major: 116, minor: 33, mode: 0o660, uid: 0, gid: 29 },
];

/** A host with two CPUs, all controllers and three devices. */
export function fakeHost(version: 1 | 2, changes: Partial<HostFacts> = {}): HostFacts {
  return {
    architecture: "amd64",
    kernel: { major: 6, minor: 1, release: "6.1.0" },
    cpuCount: 2,
    cpuset: { cpus: "0-1", mems: "0" },
    cgroup: CGROUPS[version],
    boundingCapabilities: (1n << 41n) - 1n,
    lastCapability: 40,
    canRaiseLimits: true,
    seccomp: true,
    apparmor: false,
    oomScoreAdj: 0,
    hardLimits: { nofile: 1024n },
    thermalThrottleCpus: [0, 1],
    listDevices: () => DEVICES,
    findDevices: (path) => DEVICES.filter((device) => device.path === path || device.path.startsWith(`${path}/`)),
    ...changes,
  };
}

/** `docker run image true` on the default network. */
export function plainInput(version: 1 | 2): ContainerPlanInput {
  const id = "c0ffee";
  return {
    id,
    host: fakeHost(version),
    supervise: { exitRecordPath: "/run/x.exit", tty: false, stdin: false, stdinOnce: false, abandonOutput: false },
    rootfs: { kind: "overlay", cwd: "/var/lib/gantry/snapshots", data: "lowerdir=a,upperdir=b,workdir=c" },
    rootMountPoint: "/run/gantry/rootfs",
    namespaces: { pid: "new", net: "new", ipc: "new", uts: "new", cgroup: version === 2 ? "new" : "host" },
    network: {
      host: { messages: new Uint8Array(4), acks: 1, childPidAt: [0], comment: "move veth" },
      container: { messages: new Uint8Array(4), acks: 2, comment: "addresses" },
    },
    hostname: "c0ffee",
    domainname: "",
    mounts: [],
    security: {
      privileged: false,
      capAdd: [],
      capDrop: [],
      securityOptions: [],
      readOnlyRootfs: false,
      groupAdd: [],
      maskedPaths: null,
      readonlyPaths: null,
    },
    resources: NO_LIMITS,
    sysctls: {},
    shmSizeBytes: 67108864,
    ipc: "own",
    oomScoreAdj: 0,
    process: {
      argv: ["true"],
      environment: ["PATH=/bin"],
      workingDir: "",
      user: { uid: 0, gid: 0, groups: [0], home: "/root" },
      tty: false,
      consoleSize: [24, 80],
      init: false,
    },
    cgroupPath: `/gantry/${id}`,
  };
}
