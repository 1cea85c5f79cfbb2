import type { WireContainerSummary } from "./containers.ts";
import type { WireImageSummary } from "./images.ts";
import type { WireVolume } from "./volumes.ts";

/** `GET /version`. */
export interface WireVersion {
  Platform: { Name: string };
  Components: { Name: string; Version: string; Details: Record<string, string> }[];
  Version: string;
  ApiVersion: string;
  MinAPIVersion: string;
  GitCommit: string;
  GoVersion: string;
  Os: string;
  Arch: string;
  KernelVersion: string;
  Experimental?: boolean;
  BuildTime: string;
}

/** `GET /system/df`, one kind of thing, since 1.52. */
export interface WireUsage<Item> {
  ActiveCount: number;
  TotalCount: number;
  Reclaimable: number;
  TotalSize: number;
  /** With `verbose`. */
  Items?: Item[];
}

/** Everything of one kind below the data or exec root; `*` in the path stands for names. */
export interface WireDirectoryUsage {
  Path: string;
  Purpose: string;
  Bytes: number;
  Entries: number;
}

/** `GET /system/df`: the fields without `Usage` until 1.51, and later where `verbose` is not given. */
export interface WireDiskUsage {
  LayersSize?: number;
  Images?: WireImageSummary[] | null;
  Containers?: WireContainerSummary[] | null;
  Volumes?: WireVolume[] | null;
  BuildCache?: WireBuildCache[] | null;
  /** Until 1.43. */
  BuilderSize?: number;
  ImageUsage?: WireUsage<WireImageSummary>;
  ContainerUsage?: WireUsage<WireContainerSummary>;
  VolumeUsage?: WireUsage<WireVolume>;
  BuildCacheUsage?: WireUsage<WireBuildCache>;
  /** Our own: with `verbose`, every directory of the engine. The bytes together are what lies below its two roots. */
  Gantry?: { Directories: WireDirectoryUsage[]; TotalBytes: number };
}

/** One record of the build cache. */
export interface WireBuildCache {
  ID: string;
  /** Until 1.41. */
  Parent?: string;
  /** Since 1.42. */
  Parents?: string[] | null;
  Type: string;
  Description: string;
  InUse: boolean;
  Shared: boolean;
  Size: number;
  CreatedAt: string;
  LastUsedAt: string | null;
  UsageCount: number;
}

/** Our own `GET /gantry/system/why`: what owns a path and what keeps it. */
export interface WireExplanation {
  Path: string;
  Object: { Kind: string; Id: string };
  KeptBy: { Kind: string; Id: string; Names: string[] }[];
}

/** Something that is not as it should be. Kind: `damaged`, or `orphan` for what nothing refers to. */
export interface WireProblem {
  Kind: string;
  Object: string;
  Fault: string;
  Repaired: boolean;
  Remedy?: string;
}

/** The last line of our own `POST /gantry/system/check`, as `aux`; those before it tell of the progress. */
export interface WireCheckReport {
  Problems: WireProblem[];
  Blobs: number;
  BlobBytes: number;
  Layers: number;
  Images: number;
}

/** `POST /build/prune`. */
export interface WireBuildPruned {
  CachesDeleted: string[] | null;
  SpaceReclaimed: number;
}

export interface WireIndexInfo {
  Name: string;
  Mirrors: string[];
  Secure: boolean;
  Official: boolean;
}

/** `GET /info`. Fields that ended or began with an API version are optional. */
export interface WireInfo {
  ID: string;
  Containers: number;
  ContainersRunning: number;
  ContainersPaused: number;
  ContainersStopped: number;
  Images: number;
  Driver: string;
  DriverStatus: [string, string][];
  /** Until 1.43. */
  SystemStatus?: null;
  Plugins: { Volume: string[]; Network: string[]; Authorization: string[] | null; Log: string[] };
  MemoryLimit: boolean;
  SwapLimit: boolean;
  /** Until 1.41. */
  KernelMemory?: boolean;
  KernelMemoryTCP?: boolean;
  CpuCfsPeriod: boolean;
  CpuCfsQuota: boolean;
  CPUShares: boolean;
  CPUSet: boolean;
  PidsLimit: boolean;
  IPv4Forwarding: boolean;
  /** Until 1.47. */
  BridgeNfIptables?: boolean;
  BridgeNfIp6tables?: boolean;
  Debug: boolean;
  NFd: number;
  OomKillDisable: boolean;
  NGoroutines: number;
  SystemTime: string;
  LoggingDriver: string;
  CgroupDriver: string;
  CgroupVersion?: string;
  NEventsListener: number;
  KernelVersion: string;
  OperatingSystem: string;
  OSVersion: string;
  OSType: string;
  Architecture: string;
  IndexServerAddress: string;
  RegistryConfig: {
    /** Until 1.46. */
    AllowNondistributableArtifactsCIDRs?: null;
    AllowNondistributableArtifactsHostnames?: null;
    InsecureRegistryCIDRs: string[];
    IndexConfigs: Record<string, WireIndexInfo>;
    Mirrors: string[];
  };
  NCPU: number;
  MemTotal: number;
  GenericResources: null;
  DockerRootDir: string;
  HttpProxy: string;
  HttpsProxy: string;
  NoProxy: string;
  Name: string;
  Labels: string[];
  ExperimentalBuild: boolean;
  ServerVersion: string;
  /** Until 1.40. */
  ClusterStore?: string;
  ClusterAdvertise?: string;
  Runtimes: Record<string, { path: string; runtimeArgs?: string[] }>;
  DefaultRuntime: string;
  Swarm: {
    NodeID: string;
    NodeAddr: string;
    LocalNodeState: string;
    ControlAvailable: boolean;
    Error: string;
    RemoteManagers: null;
  };
  LiveRestoreEnabled: boolean;
  Isolation: string;
  InitBinary: string;
  ContainerdCommit: { ID: string; Expected?: string };
  RuncCommit: { ID: string; Expected?: string };
  InitCommit: { ID: string; Expected?: string };
  SecurityOptions: string[];
  ProductLicense?: string;
  DefaultAddressPools?: { Base: string; Size: number }[];
  CDISpecDirs?: string[];
  Warnings: string[] | null;
}
