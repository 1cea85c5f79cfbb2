import type { SystemInfo } from "../../engine/engine.ts";
import type { WireInfo, WireVersion } from "../../wire/system.ts";
import { atLeast, MAX_API_VERSION, MIN_API_VERSION } from "../version.ts";

/** The registry that names without a host belong to. */
const INDEX_SERVER = "https://index.docker.io/v1/";
const RUNTIME = "gantry";

export interface Build {
  version: string;
  gitCommit: string;
}

/** `GET /info`. */
export function encodeInfo(info: SystemInfo, build: Build, version: number, now: Date): WireInfo {
  return {
    ...encodeCounts(info),
    ...encodeLimits(info, version),
    ...encodeHost(info, version),
    ...encodeDaemon(info, build, version),
    SystemTime: now.toISOString(),
    Swarm: {
      NodeID: "",
      NodeAddr: "",
      LocalNodeState: "inactive",
      ControlAvailable: false,
      Error: "",
      RemoteManagers: null,
    },
  };
}

function encodeCounts({ counts, fileDescriptors, eventListeners }: SystemInfo) {
  return {
    Containers: counts.running + counts.paused + counts.stopped,
    ContainersRunning: counts.running,
    ContainersPaused: counts.paused,
    ContainersStopped: counts.stopped,
    Images: counts.images,
    NFd: fileDescriptors,
    // There are no goroutines; the field is a number in every client.
    NGoroutines: 0,
    NEventsListener: eventListeners,
  };
}

function encodeLimits({ limits, cgroupVersion }: SystemInfo, version: number) {
  return {
    MemoryLimit: limits.memory,
    SwapLimit: limits.swap,
    ...(atLeast(version, 42) ? {} : { KernelMemory: false, KernelMemoryTCP: false }),
    CpuCfsPeriod: limits.cpuCfs,
    CpuCfsQuota: limits.cpuCfs,
    CPUShares: limits.cpuShares,
    CPUSet: limits.cpuset,
    PidsLimit: limits.pids,
    OomKillDisable: limits.oomKillDisable,
    CgroupDriver: "cgroupfs",
    ...(atLeast(version, 41) ? { CgroupVersion: String(cgroupVersion) } : {}),
  };
}

function encodeHost(info: SystemInfo, version: number) {
  return {
    IPv4Forwarding: info.ipv4Forwarding,
    ...(atLeast(version, 48) ? {} : { BridgeNfIptables: false, BridgeNfIp6tables: false }),
    KernelVersion: info.kernelVersion,
    OperatingSystem: info.operatingSystem,
    OSVersion: info.osVersion,
    OSType: "linux",
    Architecture: info.architecture,
    NCPU: info.cpuCount,
    MemTotal: info.memoryBytes,
    GenericResources: null,
    HttpProxy: withoutPassword(info.httpProxy),
    HttpsProxy: withoutPassword(info.httpsProxy),
    NoProxy: info.noProxy,
    Name: info.name,
    Isolation: "",
  };
}

function encodeDaemon(info: SystemInfo, build: Build, version: number) {
  const none = { ID: "", ...(atLeast(version, 49) ? {} : { Expected: "" }) };
  return {
    ID: info.id,
    Driver: info.storageDriver,
    DriverStatus: [
      ["Backing Filesystem", info.backingFilesystem],
      ["Supports d_type", "true"],
    ] as [string, string][],
    Plugins: {
      Volume: ["local"],
      Network: ["bridge", "host", "null"],
      Authorization: null,
      Log: ["json-file", "none"],
    },
    Debug: info.debug,
    LoggingDriver: "json-file",
    IndexServerAddress: INDEX_SERVER,
    RegistryConfig: encodeRegistries(info, version),
    DockerRootDir: info.dataRoot,
    Labels: info.labels,
    ExperimentalBuild: false,
    ServerVersion: build.version,
    Runtimes: { [RUNTIME]: { path: "gantry-launcher" } },
    DefaultRuntime: RUNTIME,
    LiveRestoreEnabled: info.liveRestore,
    InitBinary: "",
    ContainerdCommit: none,
    RuncCommit: none,
    InitCommit: none,
    SecurityOptions: atLeast(version, 25) ? info.securityOptions : info.securityOptions.map(legacySecurityOption),
    ...(atLeast(version, 44) ? { CDISpecDirs: [] } : {}),
    Warnings: info.warnings.length > 0 ? info.warnings : null,
  };
}

/** Before 1.25: the bare name. */
function legacySecurityOption(option: string): string {
  return /^name=([^,]*)/.exec(option)?.[1] ?? option;
}

function encodeRegistries(info: SystemInfo, version: number): WireInfo["RegistryConfig"] {
  const isNetwork = (text: string) => /\/\d+$/.test(text);
  const insecure = info.insecureRegistries.filter((registry) => !isNetwork(registry));
  const indexes = insecure.map((name) => [name, { Name: name, Mirrors: [], Secure: false, Official: false }] as const);
  const official = { Name: "docker.io", Mirrors: info.registryMirrors, Secure: true, Official: true };
  return {
    ...(atLeast(version, 47)
      ? {}
      : { AllowNondistributableArtifactsCIDRs: null, AllowNondistributableArtifactsHostnames: null }),
    InsecureRegistryCIDRs: [...info.insecureRegistries.filter(isNetwork), "127.0.0.0/8"],
    IndexConfigs: Object.fromEntries([...indexes, ["docker.io", official]]),
    Mirrors: info.registryMirrors,
  };
}

/** Docker shows proxies without their credentials. */
function withoutPassword(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//xxxxx:xxxxx@");
}

/** `GET /version`. */
export function encodeVersion(info: SystemInfo, { version, gitCommit }: Build): WireVersion {
  const arch = info.architecture === "aarch64" ? "arm64" : "amd64";
  const common = { Os: "linux", Arch: arch, KernelVersion: info.kernelVersion, GitCommit: gitCommit };
  const runtime = `bun ${process.versions.bun ?? ""}`.trim();
  return {
    Platform: { Name: "Gantry" },
    Components: [
      {
        Name: "Engine",
        Version: version,
        Details: {
          ApiVersion: MAX_API_VERSION,
          MinAPIVersion: MIN_API_VERSION,
          GoVersion: runtime,
          Experimental: "false",
          BuildTime: "",
          ...common,
        },
      },
    ],
    Version: version,
    ApiVersion: MAX_API_VERSION,
    MinAPIVersion: MIN_API_VERSION,
    GoVersion: runtime,
    BuildTime: "",
    ...common,
  };
}
