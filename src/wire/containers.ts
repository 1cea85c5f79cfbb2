import type { WireHostConfig } from "./host-config.ts";

export interface WireHealthcheck {
  /** [] inherits; ["NONE"], ["CMD", …] or ["CMD-SHELL", command]. */
  Test?: string[];
  /** Nanoseconds; 0 inherits. */
  Interval?: number;
  Timeout?: number;
  StartPeriod?: number;
  StartInterval?: number;
  Retries?: number;
}

/** What runs, without anything of the host. */
export interface WireContainerConfig {
  Hostname: string;
  Domainname: string;
  User: string;
  AttachStdin: boolean;
  AttachStdout: boolean;
  AttachStderr: boolean;
  ExposedPorts?: Record<string, Record<string, never>>;
  Tty: boolean;
  OpenStdin: boolean;
  StdinOnce: boolean;
  Env: string[];
  Cmd: string[] | null;
  Healthcheck?: WireHealthcheck;
  Image: string;
  Volumes: Record<string, Record<string, never>> | null;
  WorkingDir: string;
  Entrypoint: string[] | null;
  NetworkDisabled?: boolean;
  /** Until 1.43. */
  MacAddress?: string;
  OnBuild: string[] | null;
  Labels: Record<string, string>;
  StopSignal?: string;
  StopTimeout?: number;
  Shell?: string[];
}

/** What a client asks of one attachment, and what inspect shows of it. */
export interface WireEndpoint {
  IPAMConfig?: { IPv4Address?: string; IPv6Address?: string; LinkLocalIPs?: string[] } | null;
  Links?: string[] | null;
  Aliases?: string[] | null;
  MacAddress?: string;
  DriverOpts?: Record<string, string> | null;
  /** Since 1.48. */
  GwPriority?: number;
  NetworkID?: string;
  EndpointID?: string;
  Gateway?: string;
  IPAddress?: string;
  IPPrefixLen?: number;
  IPv6Gateway?: string;
  GlobalIPv6Address?: string;
  GlobalIPv6PrefixLen?: number;
  /** Since 1.44. */
  DNSNames?: string[] | null;
}

/** `POST /containers/create`: every field may be left out but the image. */
export type WireContainerCreate = Partial<WireContainerConfig> & {
  HostConfig?: Partial<WireHostConfig>;
  NetworkingConfig?: { EndpointsConfig?: Record<string, WireEndpoint> };
};

export interface WireContainerCreated {
  Id: string;
  Warnings: string[];
}

export type WireStatus = "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";

export interface WireState {
  Status: WireStatus;
  Running: boolean;
  Paused: boolean;
  Restarting: boolean;
  OOMKilled: boolean;
  Dead: boolean;
  Pid: number;
  ExitCode: number;
  Error: string;
  StartedAt: string;
  FinishedAt: string;
  /** Only of containers that are checked. */
  Health?: WireHealth;
}

export interface WireHealth {
  Status: "starting" | "healthy" | "unhealthy";
  FailingStreak: number;
  Log: { Start: string; End: string; ExitCode: number; Output: string }[];
}

export interface WireMountPoint {
  Type: "bind" | "volume" | "tmpfs";
  Name?: string;
  Source: string;
  Destination: string;
  Driver?: string;
  Mode: string;
  RW: boolean;
  Propagation: string;
}

export interface WirePortBinding {
  HostIp: string;
  HostPort: string;
}

/** Container port → where it is published; null: exposed only. */
export type WirePortMap = Record<string, WirePortBinding[] | null>;

export interface WireNetworkSettings {
  /** Until 1.51. */
  Bridge?: string;
  SandboxID: string;
  SandboxKey: string;
  Ports: WirePortMap;
  HairpinMode?: boolean;
  LinkLocalIPv6Address?: string;
  LinkLocalIPv6PrefixLen?: number;
  SecondaryIPAddresses?: null;
  SecondaryIPv6Addresses?: null;
  EndpointID?: string;
  Gateway?: string;
  GlobalIPv6Address?: string;
  GlobalIPv6PrefixLen?: number;
  IPAddress?: string;
  IPPrefixLen?: number;
  IPv6Gateway?: string;
  MacAddress?: string;
  Networks: Record<string, WireEndpoint>;
}

/** `GET /containers/{id}/json`. */
export interface WireContainerInspect {
  Id: string;
  Created: string;
  Path: string;
  Args: string[];
  State: WireState;
  Image: string;
  ResolvConfPath: string;
  HostnamePath: string;
  HostsPath: string;
  LogPath: string;
  Name: string;
  RestartCount: number;
  Driver: string;
  Platform: string;
  /** Until 1.51 `""`. */
  MountLabel: string;
  ProcessLabel: string;
  AppArmorProfile: string;
  ExecIDs: string[] | null;
  HostConfig: WireHostConfig;
  GraphDriver?: { Name: string; Data: Record<string, string> | null };
  SizeRw?: number;
  SizeRootFs?: number;
  Mounts: WireMountPoint[];
  Config: WireContainerConfig;
  NetworkSettings: WireNetworkSettings;
}

export interface WirePort {
  IP?: string;
  PrivatePort: number;
  PublicPort?: number;
  Type: string;
}

/** `GET /containers/json`. */
export interface WireContainerSummary {
  Id: string;
  Names: string[];
  Image: string;
  ImageID: string;
  Command: string;
  /** Seconds since the epoch. */
  Created: number;
  Ports: WirePort[];
  SizeRw?: number;
  SizeRootFs?: number;
  Labels: Record<string, string>;
  State: WireStatus;
  Status: string;
  /** `Annotations` since 1.46. */
  HostConfig: { NetworkMode: string; Annotations?: Record<string, string> };
  NetworkSettings: { Networks: Record<string, WireEndpoint> };
  Mounts: WireMountPoint[];
  /** Since 1.52; `none` where nothing is checked. */
  Health?: { Status: string; FailingStreak: number };
}

/** `POST /containers/{id}/wait`. */
export interface WireWait {
  StatusCode: number;
  /** Left out where there is none, since 1.41; null before. */
  Error?: { Message: string } | null;
}

export interface WireTop {
  Titles: string[];
  Processes: string[][];
}

export interface WireContainersPruned {
  ContainersDeleted: string[] | null;
  SpaceReclaimed: number;
}

/** Of `GET /containers/{id}/changes`. */
export interface WireChange {
  Path: string;
  /** 0: modified, 1: added, 2: deleted. */
  Kind: 0 | 1 | 2;
}

/** Base64 of this JSON is the header `X-Docker-Container-Path-Stat`. `mode`: Go's FileMode bits, see `wire/file-mode.ts`. */
export interface WirePathStat {
  name: string;
  size: number;
  mode: number;
  /** RFC 3339 with nanoseconds. */
  mtime: string;
  linkTarget: string;
}

export interface WireCommitted {
  Id: string;
}
