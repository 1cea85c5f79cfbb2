import type { EndpointSpec, PortBinding } from "../networks/networks.ts";
import type { ResourcesSpec, SecuritySpec } from "../runtime/plan/plan-input.ts";

/**
 * What a user asked for, complete with defaults, as stored in the container's record. Docker's `Config` + `HostConfig` in the
 * domain's casing and with typed values; `api/containers/` decodes it from and encodes it to the wire.
 */
export interface ContainerSpec {
  /** Without the leading slash. */
  name: string;
  /** As given by the client (`Config.Image`). */
  image: string;
  platform?: { os: string; architecture: string; variant?: string };
  process: ProcessSpec;
  /** `name` or undefined: the first 12 digits of the ID. */
  hostname?: string;
  domainname: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** `80/tcp` → true; image's and `--expose`. */
  exposedPorts: string[];
  /** Image's VOLUMEs and `-v /path`: anonymous volumes at these destinations. */
  anonymousVolumes: string[];
  mounts: MountSpec[];
  tmpfs: Record<string, string>;
  streams: {
    attachStdin: boolean;
    attachStdout: boolean;
    attachStderr: boolean;
    openStdin: boolean;
    stdinOnce: boolean;
  };
  stopSignal?: string;
  stopTimeoutSeconds?: number;
  autoRemove: boolean;
  restart: RestartPolicy;
  network: NetworkSpec;
  namespaces: NamespaceModes;
  security: SecuritySpec;
  resources: ResourcesSpec;
  log: { driver: string; options: Record<string, string> };
  /** Bytes; undefined: 64 MiB. */
  shmSizeBytes?: number;
  /** [rows, columns] of the first terminal. */
  consoleSize: [number, number];
  sysctls: Record<string, string>;
  init?: boolean;
  runtime: string;
  cgroupParent: string;
  volumesFrom: string[];
  volumeDriver: string;
  healthcheck?: HealthcheckSpec;
  onBuild: string[];
  shell: string[];
  storageOptions: Record<string, string>;
  oomScoreAdj: number;
  /** Wire fields that the engine keeps for inspect but does not act upon (Links, Isolation, …), in Docker's casing. */
  passthrough: Record<string, unknown>;
}

export interface ProcessSpec {
  /** null: the image's; []: none. */
  entrypoint: string[] | null;
  command: string[] | null;
  environment: string[];
  workingDir: string;
  /** `user[:group]` as given. */
  user: string;
  tty: boolean;
}

export type MountSpec = (
  | {
      type: "bind";
      source: string;
      propagation?: string;
      createSource: boolean;
      nonRecursive: boolean;
      readOnlyNonRecursive: boolean;
      readOnlyForceRecursive: boolean;
    }
  /** source "": anonymous. */
  | {
      type: "volume";
      source: string;
      driver: string;
      driverOptions: Record<string, string>;
      labels: Record<string, string>;
      noCopy: boolean;
      subpath: string;
    }
  | { type: "tmpfs"; sizeBytes?: number; permissions?: number; options: string[] }
) & {
  destination: string;
  readOnly: boolean;
  /** `--mount` (structured) or `-v` (`HostConfig.Binds`): inspect shows it where it came from. */
  from: "binds" | "mounts";
  /** The text after the second colon of a bind string (`ro,z`), for `Mounts[].Mode`. */
  mode: string;
};

export interface RestartPolicy {
  name: "no" | "always" | "unless-stopped" | "on-failure";
  maximumRetryCount: number;
}

export interface NetworkSpec {
  /** `default`/`bridge`, `none`, `host`, `container:<id>`, or a network's name. */
  mode: string;
  portBindings: PortBinding[];
  publishAll: boolean;
  dns: string[];
  dnsOptions: string[];
  dnsSearch: string[];
  /** `host:ip`, as given. */
  extraHosts: string[];
  macAddress?: string;
  /** Asked-for attachments by network name (`NetworkingConfig.EndpointsConfig`). */
  endpoints: Record<string, EndpointSpec>;
  disabled: boolean;
}

/** `""` is the default; else Docker's words: `host`, `private`, `shareable`, `none`, `container:<id>`. */
export interface NamespaceModes {
  pid: string;
  ipc: string;
  uts: string;
  user: string;
  cgroup: string;
}

export interface HealthcheckSpec {
  test: string[];
  intervalNs: number;
  timeoutNs: number;
  startPeriodNs: number;
  startIntervalNs: number;
  retries: number;
}
