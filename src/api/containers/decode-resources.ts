import { invalid } from "../../base/errors.ts";
import type { ResourcesSpec, SecuritySpec, ThrottleDevice } from "../../runtime/plan/plan-input.ts";
import { Fields } from "../fields.ts";

/** Entries of any one list of devices or limits. */
const MAX_ITEMS = 4096;

/** The limits of HostConfig, also the body of an update. */
export function decodeResources(host: Fields): ResourcesSpec {
  const swappiness = host.optionalInt("MemorySwappiness");
  const pidsLimit = host.optionalInt("PidsLimit");
  return {
    memoryBytes: host.int("Memory"),
    memoryReservationBytes: host.int("MemoryReservation"),
    memorySwapBytes: host.int("MemorySwap"),
    ...(swappiness === undefined || swappiness === -1 ? {} : { memorySwappiness: swappiness }),
    kernelMemoryBytes: host.int("KernelMemory"),
    oomKillDisable: host.bool("OomKillDisable"),
    nanoCpus: host.int("NanoCpus"),
    cpuShares: host.int("CpuShares"),
    cpuPeriodUs: host.int("CpuPeriod"),
    cpuQuotaUs: host.int("CpuQuota"),
    cpuRealtimePeriodUs: host.int("CpuRealtimePeriod"),
    cpuRealtimeRuntimeUs: host.int("CpuRealtimeRuntime"),
    cpusetCpus: host.string("CpusetCpus"),
    cpusetMems: host.string("CpusetMems"),
    ...(pidsLimit === undefined ? {} : { pidsLimit }),
    blkioWeight: host.int("BlkioWeight"),
    blkioWeightDevices: items(host, "BlkioWeightDevice", (device) => ({
      path: device.string("Path"),
      weight: device.int("Weight"),
    })),
    blkioReadBps: throttles(host, "BlkioDeviceReadBps"),
    blkioWriteBps: throttles(host, "BlkioDeviceWriteBps"),
    blkioReadIops: throttles(host, "BlkioDeviceReadIOps"),
    blkioWriteIops: throttles(host, "BlkioDeviceWriteIOps"),
    devices: items(host, "Devices", (device) => ({
      pathOnHost: device.string("PathOnHost"),
      pathInContainer: device.string("PathInContainer") || device.string("PathOnHost"),
      permissions: device.string("CgroupPermissions") || "rwm",
    })),
    deviceCgroupRules: host.strings("DeviceCgroupRules"),
    ulimits: items(host, "Ulimits", (limit) => ({
      name: limit.string("Name"),
      soft: limit.int("Soft"),
      hard: limit.int("Hard"),
    })),
  };
}

function throttles(host: Fields, name: string): ThrottleDevice[] {
  return items(host, name, (device) => ({ path: device.string("Path"), rate: device.int("Rate") }));
}

function items<T>(host: Fields, name: string, decode: (fields: Fields) => T): T[] {
  const list = host.list(name);
  if (list.length > MAX_ITEMS) throw invalid(`${name} has more than ${MAX_ITEMS} entries`);
  return list.map((item) => decode(new Fields(item, name)));
}

export function decodeSecurity(host: Fields): SecuritySpec {
  return {
    privileged: host.bool("Privileged"),
    capAdd: host.optionalStrings("CapAdd") ?? [],
    capDrop: host.optionalStrings("CapDrop") ?? [],
    securityOptions: host.strings("SecurityOpt"),
    readOnlyRootfs: host.bool("ReadonlyRootfs"),
    groupAdd: host.strings("GroupAdd"),
    maskedPaths: host.has("MaskedPaths") ? host.strings("MaskedPaths") : null,
    readonlyPaths: host.has("ReadonlyPaths") ? host.strings("ReadonlyPaths") : null,
  };
}
