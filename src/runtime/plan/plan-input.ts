import type { FdSlot, MountAttributes, Namespace, Propagation, Supervise } from "./launch-plan.ts";

export interface SecuritySpec {
  privileged: boolean;
  capAdd: string[];
  capDrop: string[];
  /** As given: `seccomp=unconfined`, `seccomp={json}`, `no-new-privileges`, `apparmor=…`, `label=…`, `systempaths=unconfined`. */
  securityOptions: string[];
  readOnlyRootfs: boolean;
  groupAdd: string[];
  /** null: the defaults. */
  maskedPaths: string[] | null;
  readonlyPaths: string[] | null;
}

/** Zero means "not set" as in Docker's HostConfig, unless said otherwise. */
export interface ResourcesSpec {
  memoryBytes: number;
  memoryReservationBytes: number;
  /** Memory plus swap; -1: unlimited. */
  memorySwapBytes: number;
  /** 0..100; undefined: the kernel's. */
  memorySwappiness?: number;
  kernelMemoryBytes: number;
  oomKillDisable: boolean;
  nanoCpus: number;
  cpuShares: number;
  cpuPeriodUs: number;
  cpuQuotaUs: number;
  cpuRealtimePeriodUs: number;
  cpuRealtimeRuntimeUs: number;
  cpusetCpus: string;
  cpusetMems: string;
  /** undefined or ≤ 0: unlimited. */
  pidsLimit?: number;
  blkioWeight: number;
  blkioWeightDevices: { path: string; weight: number }[];
  blkioReadBps: ThrottleDevice[];
  blkioWriteBps: ThrottleDevice[];
  blkioReadIops: ThrottleDevice[];
  blkioWriteIops: ThrottleDevice[];
  devices: { pathOnHost: string; pathInContainer: string; permissions: string }[];
  /** `c 1:3 rwm`, as given. */
  deviceCgroupRules: string[];
  ulimits: { name: string; soft: number; hard: number }[];
}

export interface ThrottleDevice {
  path: string;
  rate: number;
}

/** Facts of this host, gathered once at start (`runtime/host-facts.ts`); plans are pure functions of them. */
export interface HostFacts {
  architecture: "amd64" | "arm64";
  /** Of the architecture: `v3`. undefined: the basic one. */
  variant?: string;
  kernel: { major: number; minor: number; release: string };
  cpuCount: number;
  /** Lists of what cpusets may name (`0-3`, `0`). */
  cpuset: { cpus: string; mems: string };
  cgroup: CgroupFacts;
  /** Bit n: capability n is in the daemon's bounding set; the container cannot have more. */
  boundingCapabilities: bigint;
  lastCapability: number;
  /** The daemon may raise hard limits (CAP_SYS_RESOURCE). */
  canRaiseLimits: boolean;
  seccomp: boolean;
  apparmor: boolean;
  /** The daemon's own oom_score_adj and hard rlimits by name (`nofile`): what a daemon without CAP_SYS_RESOURCE can give. */
  oomScoreAdj: number;
  hardLimits: Record<string, bigint>;
  /** CPUs that have a `thermal_throttle` directory in sysfs; containers must not read it. */
  thermalThrottleCpus: number[];
  /** Host devices that exist below /dev, for --privileged: absolute paths with type and number. */
  listDevices: () => HostDevice[];
  /** The device at a host path (symlinks followed), or all devices below a directory; paths as given. Empty: nothing there. */
  findDevices: (path: string) => HostDevice[];
}

export interface HostDevice {
  path: string;
  kind: "c" | "b";
  major: number;
  minor: number;
  mode: number;
  uid: number;
  gid: number;
}

/** `controlFiles`: names of the files that a cgroup has (`memory.memsw.limit_in_bytes`): what this kernel can limit. */
export type CgroupFacts =
  /** Mount point of each v1 controller (`cpu` and `cpuacct` may share one), plus the `systemd` named hierarchy if mounted. */
  | { version: 1; hierarchies: Record<string, string>; controllers: string[]; controlFiles: ReadonlySet<string> }
  | { version: 2; root: string; controllers: string[]; controlFiles: ReadonlySet<string> };

/** `new`: its own; `host`: the daemon's; a descriptor: another task's (pidfd or namespace file). */
export type NamespaceTarget = "new" | "host" | { fd: FdSlot };

/** A user resolved against the image's files. */
export interface ResolvedUser {
  uid: number;
  gid: number;
  /** Supplementary groups, `--group-add` included. */
  groups: number[];
  /** From passwd, else "/". */
  home: string;
}

export type RootfsInput = { kind: "overlay"; cwd: string; data: string } | { kind: "bind"; source: string };

export type MountInput =
  | {
      kind: "bind";
      source: string;
      /** The part of `source` that is mounted, where it is not all of it: a relative path within it. */
      below?: string;
      /** `below` is resolved as if `source` were the root: no link in it leads out. */
      rooted?: boolean;
      destination: string;
      recursive: boolean;
      attributes: MountAttributes;
      propagation: Propagation;
    }
  | { kind: "tmpfs"; destination: string; options: string[]; attributes: MountAttributes }
  /** A volume that is a mount of its own. `volume`: its path on the host, for messages; `options`: of mount(8). */
  | {
      kind: "volume-mount";
      volume: string;
      mount: { kind: "bind"; source: string; recursive: boolean } | { kind: "fs"; fstype: string; source: string };
      below?: string;
      destination: string;
      options: string[];
      attributes: MountAttributes;
    };

/**
 * A file system that is mounted for the container alone, outside of its root, so that mounts can bind it or a part of it: on the
 * directory `<place>/<name>`, which exists and is empty. It goes with the host's view when the container gets its root.
 */
export type BackingInput =
  | { kind: "overlay"; name: string; cwd: string; data: string }
  /** In memory, never on a disk. */
  | { kind: "files"; name: string; sizeBytes: number; files: BackingFile[] };

export interface BackingFile {
  name: string;
  content: Uint8Array;
  mode: number;
  uid: number;
  gid: number;
}

/** Everything that decides a container's plan. No I/O happens between this and the plan. */
export interface ContainerPlanInput {
  id: string;
  host: HostFacts;
  supervise: Supervise;
  rootfs: RootfsInput;
  /** Empty directory on the host over which the root is mounted, in the container's own mount namespace. */
  rootMountPoint: string;
  namespaces: Record<Exclude<Namespace, "mnt" | "user">, NamespaceTarget>;
  /** Present with a new net namespace: messages for both sides; `loopback` only for --net none. */
  network?: {
    host?: { messages: Uint8Array; acks: number; childPidAt: number[]; comment: string };
    container: { messages: Uint8Array; acks: number; comment: string };
  };
  hostname: string;
  domainname: string;
  /** The daemon's mount namespace: what is mounted `shared` comes from it. Needed only then. */
  hostMounts?: FdSlot;
  /** What `mounts` have as sources below `place`, an absolute path. */
  backings?: { place: string; inputs: BackingInput[] };
  /** In mount order (sorted by depth of destination); hostname, hosts and resolv.conf binds included. */
  mounts: MountInput[];
  security: SecuritySpec;
  resources: ResourcesSpec;
  sysctls: Record<string, string>;
  shmSizeBytes: number;
  /** "private" or "shareable": own /dev/shm and mqueue; "none": no /dev/shm; a slot: /dev/shm of the container of that pidfd. */
  ipc: "own" | "none" | "host" | { shmOf: FdSlot };
  oomScoreAdj: number;
  process: {
    argv: string[];
    environment: string[];
    workingDir: string;
    user: ResolvedUser;
    tty: boolean;
    consoleSize: [number, number];
    init: boolean;
  };
  /** Below the hierarchies' roots, e.g. `/gantry/<id>`. Its parent was made by `ensureCgroupParent`. */
  cgroupPath: string;
}

export interface ExecPlanInput {
  id: string;
  host: HostFacts;
  supervise: Supervise;
  /** pidfd of the container's first process. */
  pidfd: FdSlot;
  /** Namespaces to join: those the container does not share with the daemon's host. */
  namespaces: Namespace[];
  security: SecuritySpec;
  resources: ResourcesSpec;
  privileged: boolean;
  process: ContainerPlanInput["process"];
  cgroupPath: string;
}
