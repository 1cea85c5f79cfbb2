import type { EndpointState } from "../networks/networks.ts";
import type { Exit } from "../runtime/launcher/launcher.ts";
import type { ContainerSpec } from "./container-spec.ts";
import type { ContainerState, Health, MountPoint, ProbeResult } from "./containers.ts";

/** A mount point with what only the runtime needs to know of it. */
export interface StoredMount extends MountPoint {
  recursive: boolean;
  /** Of a volume: the part below its root that is mounted. */
  subpath: string;
  /** Of tmpfs: fsconfig options. */
  options: string[];
  /** Of a volume that is a mount, not a directory: the driver's options. */
  volumeOptions?: Record<string, string>;
  /** Of a volume: made for this container; `rm -v` and `--rm` take it away. */
  anonymous: boolean;
  /** A bind whose missing source is made at each start (`-v`). */
  createSource: boolean;
}

/** What never changes in a container's life, but for its name. `spec` is complete: the image's defaults are merged in. */
export interface Definition {
  id: string;
  createdAt: Date;
  spec: ContainerSpec;
  path: string;
  args: string[];
  imageId: string;
  mounts: StoredMount[];
}

/** What changes from start to start. */
export interface Run {
  state: ContainerState;
  /**
   * What was under way when this was written: recovery undoes a creation, asks the launcher about a start, ends a removal, and thaws
   * what a commit has frozen.
   */
  intent: "none" | "create" | "start" | "commit" | "remove-with-volumes";
  restartCount: number;
  /** `docker stop` or `kill`: restart policies leave it alone. */
  stoppedByUser: boolean;
  endpoints: EndpointState[];
  /** Of the last run, if it is checked at all. */
  health?: Health | undefined;
  /** Of the kernel that the task runs under; another one: the task is gone. */
  bootId: string;
}

export function newRun(bootId: string): Run {
  return {
    state: { status: "created" },
    intent: "none",
    restartCount: 0,
    stoppedByUser: false,
    endpoints: [],
    bootId,
  };
}

export function encodeDefinition(definition: Definition): string {
  return JSON.stringify(definition);
}

export function decodeDefinition(text: string): Definition {
  const value = JSON.parse(text) as Omit<Definition, "createdAt"> & { createdAt: string };
  return { ...value, createdAt: new Date(value.createdAt) };
}

/** Dates become ISO texts, the one bigint a decimal text. */
export function encodeRun(run: Run): string {
  return JSON.stringify(run, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value));
}

export function decodeRun(text: string): Run {
  const { health, ...value } = JSON.parse(text) as Omit<Run, "state" | "health"> & {
    state: Stored<ContainerState>;
    health?: Omit<Health, "log"> & { log: Stored<ProbeResult>[] };
  };
  return {
    ...value,
    state: decodeState(value.state),
    ...(health === undefined ? {} : { health: { ...health, log: health.log.map(decodeProbe) } }),
  };
}

function decodeProbe(result: Stored<ProbeResult>): ProbeResult {
  return { ...result, startedAt: new Date(result.startedAt), endedAt: new Date(result.endedAt) };
}

type Stored<T> = T extends Date | bigint ? string : T extends object ? { [K in keyof T]: Stored<T[K]> } : T;

function decodeState(state: Stored<ContainerState>): ContainerState {
  switch (state.status) {
    case "running":
    case "paused":
      return { ...state, startTicks: BigInt(state.startTicks), startedAt: new Date(state.startedAt) };
    case "restarting":
      return {
        ...state,
        exit: decodeExit(state.exit),
        startedAt: new Date(state.startedAt),
        retryAt: new Date(state.retryAt),
      };
    case "exited":
      return { ...state, exit: decodeExit(state.exit), startedAt: new Date(state.startedAt) };
    case "created":
    case "removing":
    case "dead":
      return state;
  }
}

function decodeExit(exit: Stored<Exit>): Exit {
  return { ...exit, finishedAt: new Date(exit.finishedAt) };
}
