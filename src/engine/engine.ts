import type { Builder } from "../builder/builder.ts";
import type { Containers } from "../containers/containers.ts";
import type { Distribution } from "../images/distribution.ts";
import type { Images } from "../images/images.ts";
import type { Networks } from "../networks/networks.ts";
import type { Volumes } from "../volumes/volumes.ts";
import type { CheckOptions, CheckReport } from "./check/check-store.ts";
import type { DiskUsage, UsageKind } from "./disk-usage.ts";
import type { EventBus } from "./event-bus.ts";
import type { Explanation } from "./why.ts";

/** What `GET /info` needs beyond the counts; the encoder gives it Docker's shape. */
export interface SystemInfo {
  id: string;
  name: string;
  counts: { running: number; paused: number; stopped: number; images: number };
  storageDriver: string;
  backingFilesystem: string;
  dataRoot: string;
  cgroupVersion: 1 | 2;
  kernelVersion: string;
  operatingSystem: string;
  osVersion: string;
  architecture: string;
  cpuCount: number;
  memoryBytes: number;
  fileDescriptors: number;
  liveRestore: true;
  securityOptions: string[];
  /** Rights and features the host lacks, in sentences. */
  warnings: string[];
  /** Of the cgroup controllers that exist here. */
  limits: {
    memory: boolean;
    swap: boolean;
    cpuCfs: boolean;
    cpuShares: boolean;
    cpuset: boolean;
    pids: boolean;
    oomKillDisable: boolean;
    blkio: boolean;
  };
  registryMirrors: string[];
  insecureRegistries: string[];
  ipv4Forwarding: boolean;
  eventListeners: number;
  debug: boolean;
  labels: string[];
  httpProxy: string;
  httpsProxy: string;
  noProxy: string;
}

export interface SystemService {
  info(): Promise<SystemInfo>;
}

/** What the engine takes of the disk, and whether it is sound. */
export interface DiskService {
  usage(wanted: { kinds: UsageKind[]; directories: boolean }): Promise<DiskUsage>;
  check(options: CheckOptions): Promise<CheckReport>;
  /** Which object owns a path, and what keeps it. */
  why(path: string): Promise<Explanation>;
}

/** A whole engine in one process; what `createEngine` returns and what `api/` serves. Close releases the store, never a container. */
export interface Engine {
  containers: Containers;
  images: Images;
  distribution: Distribution;
  networks: Networks;
  volumes: Volumes;
  events: EventBus;
  system: SystemService;
  disk: DiskService;
  builder: Builder;
  close(): Promise<void>;
}
