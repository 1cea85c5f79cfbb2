import type { EndpointState } from "../networks/networks.ts";
import type { Attachment, AttachRequest, Exit } from "../runtime/launcher/launcher.ts";
import type { ContainerSpec } from "./container-spec.ts";
import type { ContainerFiles } from "./files/files.ts";

/** A discriminated union; the API's booleans are derived in the encoder. Statuses are Docker's own words. */
export type ContainerState =
  /** `failure`: of a first start that did not succeed; Docker keeps it in State.ExitCode and State.Error. */
  | { status: "created"; failure?: { code: number; error: string } }
  | { status: "running" | "paused"; pid: number; startTicks: bigint; startedAt: Date }
  | { status: "restarting"; exit: Exit; startedAt: Date; retryAt: Date }
  | { status: "exited"; exit: Exit; startedAt: Date; error: string }
  /** `exitCode`: of its last run, for `docker wait --condition removed`. */
  | { status: "removing"; exitCode: number }
  | { status: "dead"; exitCode: number; reason: string };

/** What the probes of a health check say. */
export interface Health {
  status: "starting" | "healthy" | "unhealthy";
  failingStreak: number;
  /** Oldest first, the last few. */
  log: ProbeResult[];
}

export interface ProbeResult {
  startedAt: Date;
  endedAt: Date;
  /** 0: healthy; -1: it could not be run, or took too long. */
  exitCode: number;
  output: string;
}

/** Where a mount of the spec came to lie. */
export interface MountPoint {
  type: "bind" | "volume" | "tmpfs";
  /** Volume name; "" for others. */
  name: string;
  /** Host path; "" for tmpfs. */
  source: string;
  destination: string;
  driver: string;
  mode: string;
  readWrite: boolean;
  propagation: string;
}

/** An immutable view of one container's record and state. */
export interface Container {
  id: string;
  createdAt: Date;
  spec: ContainerSpec;
  /** What runs: entrypoint and command of spec and image combined. */
  path: string;
  args: string[];
  /** Full environment, working directory and user, image defaults included. */
  environment: string[];
  /** `sha256:…` of the image's config. */
  imageId: string;
  state: ContainerState;
  /** undefined: nothing is checked, or it never ran. */
  health?: Health;
  restartCount: number;
  mounts: MountPoint[];
  endpoints: EndpointState[];
  logPath: string;
  hostnamePath: string;
  hostsPath: string;
  resolvConfPath: string;
  execIds: string[];
  /** Size of the writable layer and of the whole root, when asked for. */
  sizes?: { writableBytes: number; rootBytes: number };
  snapshotDirs: { lower: string[]; upper: string; work: string };
}

export interface ExecSpec {
  command: string[];
  environment: string[];
  workingDir: string;
  user: string;
  tty: boolean;
  privileged: boolean;
  attachStdin: boolean;
  attachStdout: boolean;
  attachStderr: boolean;
  detachKeys: string;
  consoleSize: [number, number];
  /** A probe of the health check: of no use to a later daemon. */
  isProbe?: boolean;
}

export interface Exec {
  id: string;
  containerId: string;
  spec: ExecSpec;
  /** undefined until started. */
  pid?: number;
  running: boolean;
  exitCode?: number;
}

export interface ListFilters {
  /** Names as Docker's: ancestor before exited id isolation label name status health since volume network is-task publish expose. */
  [name: string]: string[];
}

export interface LogsRequest {
  follow: boolean;
  stdout: boolean;
  stderr: boolean;
  since?: Date;
  until?: Date;
  /** undefined: all. */
  tail?: number;
  timestamps: boolean;
  details: boolean;
}

export type WaitCondition = "not-running" | "next-exit" | "removed";

export interface WaitResult {
  code: number;
  error?: string;
}

/**
 * The containers of this engine. `reference` is a full ID, a name (leading slash allowed) or an unambiguous ID prefix.
 * Every method throws EngineError with Docker's own text; commands on one container run one after the other.
 */
export interface Containers extends ContainerFiles {
  create(spec: ContainerSpec): Promise<{ id: string; warnings: string[] }>;
  /** `changed: false` when it was running already (HTTP 304). */
  start(reference: string): Promise<{ changed: boolean }>;
  stop(reference: string, options: { signal?: string; timeoutSeconds?: number }): Promise<{ changed: boolean }>;
  restart(reference: string, options: { signal?: string; timeoutSeconds?: number }): Promise<void>;
  kill(reference: string, signal: string): Promise<void>;
  pause(reference: string): Promise<void>;
  unpause(reference: string): Promise<void>;
  rename(reference: string, name: string): Promise<void>;
  remove(reference: string, options: { force: boolean; volumes: boolean; link: boolean }): Promise<void>;
  prune(filters: ListFilters): Promise<{ removed: string[]; reclaimedBytes: number }>;
  /** Registered when the call returns; `result` settles when the condition holds. */
  wait(reference: string, condition: WaitCondition, signal: AbortSignal): { result: Promise<WaitResult> };
  get(reference: string, options?: { size?: boolean }): Promise<Container>;
  list(options: { all: boolean; limit: number; size: boolean; filters: ListFilters }): Promise<Container[]>;
  /** Of a created container too: then the streams begin with its start. Throws conflict when paused. */
  attach(reference: string, request: AttachRequest): Promise<Attachment>;
  /** Bytes ready for the client: framed (no tty) or raw. Ends at the end, or with the task when following. */
  logs(
    reference: string,
    request: LogsRequest,
    signal: AbortSignal,
  ): Promise<{ tty: boolean; stream: AsyncIterable<Uint8Array> }>;
  resize(reference: string, rows: number, columns: number): Promise<void>;
  top(reference: string, psArguments: string): Promise<{ titles: string[]; processes: string[][] }>;

  createExec(reference: string, spec: ExecSpec): Promise<string>;
  /** Streams of an attached exec; undefined when `detach`. */
  startExec(
    id: string,
    options: { detach: boolean; tty: boolean; consoleSize?: [number, number]; signal: AbortSignal },
  ): Promise<Attachment | undefined>;
  getExec(id: string): Promise<Exec>;
  /** Resolves when the exec runs no more and its exit code is known to `getExec`. */
  execEnded(id: string): Promise<void>;
  resizeExec(id: string, rows: number, columns: number): Promise<void>;
}
