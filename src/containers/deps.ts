import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { CommitImage } from "../images/commit/commit.ts";
import type { Image } from "../images/images.ts";
import type { Networks } from "../networks/networks.ts";
import type { Launcher } from "../runtime/launcher/launcher.ts";
import type { LaunchPlan } from "../runtime/plan/launch-plan.ts";
import type { ContainerPlanInput, ExecPlanInput, HostFacts, ResolvedUser } from "../runtime/plan/plan-input.ts";
import type { ContainerRecords } from "../storage/records/containers.ts";
import type { Snapshots } from "../storage/snapshots/snapshots.ts";
import type { Volumes } from "../volumes/volumes.ts";
import type { ContainerSpec } from "./container-spec.ts";
import type { SourceMount } from "./propagation.ts";

/** One event of a container; the bus adds the time. */
export type PublishContainerEvent = (event: {
  type: "container" | "volume";
  action: string;
  actorId: string;
  attributes: Record<string, string>;
}) => void;

/** From values to plans: pure functions of the runtime. They throw EngineError for what the user asked wrongly. */
export interface Planner {
  container(input: ContainerPlanInput): { plan: LaunchPlan; warnings: string[] };
  exec(input: ExecPlanInput): { plan: LaunchPlan; warnings: string[] };
  /** Bytes of the image's /etc/passwd and /etc/group; undefined: there is none. */
  resolveUser(
    user: string,
    files: { passwd: Uint8Array | undefined; group: Uint8Array | undefined },
    groupAdd: string[],
  ): ResolvedUser;
  /** Checks limits and security options before anything is changed; returns warnings for the client. */
  validate(spec: Pick<ContainerSpec, "security" | "resources">): string[];
}

/** The cgroups of tasks. `path` is below the hierarchies' roots: `/gantry/<id>`. */
export interface TaskCgroups {
  freeze(path: string): Promise<void>;
  thaw(path: string): Promise<void>;
  /** Host pids of every process in the cgroup and below. */
  pids(path: string): number[];
  /** Makes the directory above a container's own, in every hierarchy. */
  ensureParent(path: string): void;
  /** Kills what is left in a task's cgroups and removes them. Cheap when they are gone, as after every orderly end. */
  end(path: string): Promise<void>;
}

/** Initialises a new volume from what the image holds at `path`. Nothing there: nothing. Confined to both roots. */
export type CopyUp = (snapshotKey: string, path: string, target: string) => Promise<void>;

export interface ContainersDeps {
  records: ContainerRecords;
  images: {
    get(reference: string, options?: { platform?: string }): Promise<Image>;
    commit(request: CommitImage): Promise<{ id: string; reference: string }>;
    /** Told whenever a container that stood on the image is gone. */
    release(imageId: string): void;
  };
  networks: Pick<Networks, "get" | "attach" | "detach" | "restore" | "loopbackMessages">;
  volumes: Pick<Volumes, "create" | "hold" | "release" | "discard">;
  snapshots: Pick<
    Snapshots,
    "prepare" | "mounts" | "remove" | "usage" | "imageUsage" | "readFile" | "listActive" | "rootView" | "directories"
  >;
  copyUp: CopyUp;
  launcher: Launcher;
  planner: Planner;
  cgroups: TaskCgroups;
  host: HostFacts;
  /** Of this boot of the kernel; records of tasks from another one are not trusted. */
  bootId: string;
  publish: PublishContainerEvent;
  clock: Clock;
  logger: Logger;
  randomId: () => string;
  /** A descriptor of the process, checked to be the one that started at `startTicks`. Throws conflict when it is gone. */
  openPidfd: (pid: number, startTicks: bigint) => number;
  /** A descriptor of the mount namespace in which the daemon runs. The caller closes it. */
  openHostMounts: () => number;
  /** Of a host path; symlinks are followed. */
  sourceMount: (path: string) => SourceMount;
  closeFd: (fd: number) => void;
  /** /proc/<pid>/status; undefined when the process is gone. */
  processStatus: (pid: number) => string | undefined;
  /** Runs the host's `ps` (`kernel/` starts programs). Throws internal with its error text. */
  ps: (args: string[]) => Promise<string>;
  paths: {
    /** `<data root>/containers`. */
    containers: string;
    /** Empty directory on the host, over which each container's root is mounted in its own mount namespace. */
    rootMountPoint: string;
  };
  /** The host's own name and files, which containers inherit from. Read when needed: they change. */
  hostFiles: { hostname: () => string; hosts: () => string; resolvConf: () => string };
  defaults: {
    /** `/gantry`, when the spec names none. */
    cgroupParent: string;
    init: boolean;
    runtime: string;
    /** Where the spec names none; empty lists: the host's. */
    dns: { servers: string[]; options: string[]; search: string[] };
    shmSizeBytes: number;
    /** Those that the spec does not set. */
    ulimits: { name: string; soft: number; hard: number }[];
    log: { driver: string; options: Record<string, string> };
    /** Put before those of the spec, which win. */
    securityOptions: string[];
  };
  /** Called at named points of create, start, stop and remove; tests end the process there. */
  failpoint: (name: string) => void;
}
