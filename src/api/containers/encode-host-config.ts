import type { ContainerSpec, MountSpec } from "../../containers/container-spec.ts";
import type { WireHostConfig, WireMount, WireResources } from "../../wire/host-config.ts";
import { atLeast } from "../version.ts";
import { encodePortBindings } from "./encode-network.ts";

const DEFAULT_SHM_BYTES = 64 * 1024 * 1024;

/** What Docker hides from containers by default; null in the spec stands for it. */
const DEFAULT_MASKED = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];
const DEFAULT_READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

export function encodeHostConfig(spec: ContainerSpec, version: number): WireHostConfig {
  const { network, security, namespaces, restart } = spec;
  const binds = spec.mounts.filter((mount) => mount.from === "binds").map(encodeBind);
  const mounts = spec.mounts.filter((mount) => mount.from === "mounts").map(encodeMount);
  return {
    Binds: binds.length > 0 ? binds : null,
    ContainerIDFile: "",
    LogConfig: { Type: spec.log.driver || "json-file", Config: spec.log.options },
    NetworkMode: network.mode === "default" && atLeast(version, 44) ? "bridge" : network.mode,
    PortBindings: encodePortBindings(network.portBindings),
    RestartPolicy: { Name: restart.name, MaximumRetryCount: restart.maximumRetryCount },
    AutoRemove: spec.autoRemove,
    VolumeDriver: spec.volumeDriver,
    VolumesFrom: listOrNull(spec.volumesFrom),
    ConsoleSize: spec.consoleSize,
    ...(Object.keys(spec.annotations).length > 0 ? { Annotations: spec.annotations } : {}),
    CapAdd: listOrNull(security.capAdd),
    CapDrop: listOrNull(security.capDrop),
    CgroupnsMode: namespaces.cgroup || "private",
    Dns: network.dns,
    DnsOptions: network.dnsOptions,
    DnsSearch: network.dnsSearch,
    ExtraHosts: listOrNull(network.extraHosts),
    GroupAdd: listOrNull(security.groupAdd),
    IpcMode: namespaces.ipc || "private",
    Cgroup: "",
    Links: null,
    OomScoreAdj: spec.oomScoreAdj,
    PidMode: namespaces.pid,
    Privileged: security.privileged,
    PublishAllPorts: network.publishAll,
    ReadonlyRootfs: security.readOnlyRootfs,
    SecurityOpt: listOrNull(security.securityOptions),
    ...(Object.keys(spec.storageOptions).length > 0 ? { StorageOpt: spec.storageOptions } : {}),
    ...(Object.keys(spec.tmpfs).length > 0 ? { Tmpfs: spec.tmpfs } : {}),
    UTSMode: namespaces.uts,
    UsernsMode: namespaces.user,
    ShmSize: spec.shmSizeBytes ?? DEFAULT_SHM_BYTES,
    ...(Object.keys(spec.sysctls).length > 0 ? { Sysctls: spec.sysctls } : {}),
    Runtime: spec.runtime,
    Isolation: "",
    ...encodeResources(spec, version),
    ...(mounts.length > 0 ? { Mounts: mounts } : {}),
    MaskedPaths: hiddenPaths(spec, security.maskedPaths, DEFAULT_MASKED),
    ReadonlyPaths: hiddenPaths(spec, security.readonlyPaths, DEFAULT_READ_ONLY),
    ...(spec.init === undefined ? {} : { Init: spec.init }),
    ...spec.passthrough,
  };
}

/** --privileged and systempaths=unconfined hide nothing. */
function hiddenPaths({ security }: ContainerSpec, own: string[] | null, standard: string[]): string[] | null {
  if (own !== null) return own;
  return security.privileged || security.securityOptions.includes("systempaths=unconfined") ? null : standard;
}

function encodeResources(spec: ContainerSpec, version: number): WireResources {
  const { resources } = spec;
  const throttles = (list: { path: string; rate: number }[]) =>
    list.map(({ path, rate }) => ({ Path: path, Rate: rate }));
  return {
    CpuShares: resources.cpuShares,
    Memory: resources.memoryBytes,
    NanoCpus: resources.nanoCpus,
    CgroupParent: spec.cgroupParent,
    BlkioWeight: resources.blkioWeight,
    BlkioWeightDevice: resources.blkioWeightDevices.map(({ path, weight }) => ({ Path: path, Weight: weight })),
    BlkioDeviceReadBps: throttles(resources.blkioReadBps),
    BlkioDeviceWriteBps: throttles(resources.blkioWriteBps),
    BlkioDeviceReadIOps: throttles(resources.blkioReadIops),
    BlkioDeviceWriteIOps: throttles(resources.blkioWriteIops),
    CpuPeriod: resources.cpuPeriodUs,
    CpuQuota: resources.cpuQuotaUs,
    CpuRealtimePeriod: resources.cpuRealtimePeriodUs,
    CpuRealtimeRuntime: resources.cpuRealtimeRuntimeUs,
    CpusetCpus: resources.cpusetCpus,
    CpusetMems: resources.cpusetMems,
    Devices: resources.devices.map(({ pathOnHost, pathInContainer, permissions }) => ({
      PathOnHost: pathOnHost,
      PathInContainer: pathInContainer,
      CgroupPermissions: permissions,
    })),
    DeviceCgroupRules: listOrNull(resources.deviceCgroupRules),
    DeviceRequests: null,
    ...(atLeast(version, 42) ? {} : { KernelMemory: resources.kernelMemoryBytes, KernelMemoryTCP: 0 }),
    MemoryReservation: resources.memoryReservationBytes,
    MemorySwap: resources.memorySwapBytes,
    MemorySwappiness: resources.memorySwappiness ?? null,
    OomKillDisable: resources.oomKillDisable,
    PidsLimit: resources.pidsLimit ?? null,
    Ulimits: resources.ulimits.map(({ name, soft, hard }) => ({ Name: name, Hard: hard, Soft: soft })),
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
  };
}

function encodeBind(mount: MountSpec): string {
  const source = mount.type === "tmpfs" ? "" : mount.source;
  return [source, mount.destination, mount.mode].filter((part) => part !== "").join(":");
}

function encodeMount(mount: MountSpec): WireMount {
  const common = { Target: mount.destination, ...(mount.readOnly ? { ReadOnly: true } : {}) };
  switch (mount.type) {
    case "bind": {
      const options = {
        ...(mount.propagation === undefined ? {} : { Propagation: mount.propagation }),
        ...(mount.nonRecursive ? { NonRecursive: true } : {}),
        ...(mount.createSource ? { CreateMountpoint: true } : {}),
        ...(mount.readOnlyNonRecursive ? { ReadOnlyNonRecursive: true } : {}),
        ...(mount.readOnlyForceRecursive ? { ReadOnlyForceRecursive: true } : {}),
      };
      return { Type: "bind", Source: mount.source, ...common, ...unlessEmpty("BindOptions", options) };
    }
    case "volume": {
      const driver = mount.driver === "" ? {} : { DriverConfig: { Name: mount.driver, Options: mount.driverOptions } };
      const options = {
        ...(mount.noCopy ? { NoCopy: true } : {}),
        ...unlessEmpty("Labels", mount.labels),
        ...driver,
        ...(mount.subpath === "" ? {} : { Subpath: mount.subpath }),
      };
      return {
        Type: "volume",
        ...(mount.source === "" ? {} : { Source: mount.source }),
        ...common,
        ...unlessEmpty("VolumeOptions", options),
      };
    }
    case "tmpfs": {
      const options = {
        ...(mount.sizeBytes === undefined ? {} : { SizeBytes: mount.sizeBytes }),
        ...(mount.permissions === undefined ? {} : { Mode: mount.permissions }),
        ...(mount.options.length > 0
          ? { Options: mount.options.map((option) => option.split(/=(.*)/s).slice(0, 2)) }
          : {}),
      };
      return { Type: "tmpfs", ...common, ...unlessEmpty("TmpfsOptions", options) };
    }
  }
}

function unlessEmpty<K extends string, V extends object>(key: K, value: V): { [P in K]?: V } {
  return (Object.keys(value).length === 0 ? {} : { [key]: value }) as { [P in K]?: V };
}

function listOrNull<T>(list: T[]): T[] | null {
  return list.length > 0 ? list : null;
}
