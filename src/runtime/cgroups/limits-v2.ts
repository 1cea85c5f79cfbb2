import type { HostFacts, ResourcesSpec, ThrottleDevice } from "../plan/plan-input.ts";
import { deviceNumber } from "./device-number.ts";
import { effectiveResources } from "./effective-resources.ts";
import type { LimitWrite } from "./limits-v1.ts";

const DEFAULT_PERIOD_US = 100_000;

/** The writes that make these limits hold in a new v2 cgroup. Only what was asked for. */
export function limitsV2(resources: ResourcesSpec, host: HostFacts): LimitWrite[] {
  return [
    ...cpusetWrites(resources),
    ...memoryWrites(resources),
    ...cpuWrites(resources),
    ...ioWrites(resources, host),
  ];
}

/**
 * v1 shares (2..262144, usual 1024) as v2 weight (1..10000, usual 100): a curve through (2,1), (1024,100) and (262144,10000),
 * so that a container with the default shares weighs what the kernel's default does. @see runc cgroups `ConvertCPUSharesToCgroupV2Value`
 */
export function cpuWeight(shares: number): number {
  if (shares <= 0) return 0;
  if (shares <= 2) return 1;
  if (shares >= 262_144) return 10_000;
  const log = Math.log2(shares);
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

/** blkio weight 10..1000 as io.weight 1..10000. */
export function ioWeight(blkioWeight: number): number {
  return blkioWeight === 0 ? 0 : Math.trunc(1 + ((blkioWeight - 10) * 9999) / 990);
}

function memoryWrites(resources: ResourcesSpec): LimitWrite[] {
  const { memoryBytes, memorySwapBytes } = effectiveResources(resources);
  const writes: LimitWrite[] = [];
  const write = (file: string, data: number | "max") => writes.push({ controller: "memory", file, data: String(data) });
  if (memoryBytes > 0) write("memory.max", memoryBytes);
  // v2 counts swap alone; where memory equals memory plus swap there is none left.
  if (memorySwapBytes > 0 && memoryBytes > 0) write("memory.swap.max", memorySwapBytes - memoryBytes);
  if (memorySwapBytes < 0) write("memory.swap.max", "max");
  if (resources.memoryReservationBytes > 0) write("memory.low", resources.memoryReservationBytes);
  return writes;
}

function cpuWrites(resources: ResourcesSpec): LimitWrite[] {
  const { cpuPeriodUs, cpuQuotaUs, pidsLimit } = effectiveResources(resources);
  const writes: LimitWrite[] = [];
  if (resources.cpuShares > 0) {
    writes.push({ controller: "cpu", file: "cpu.weight", data: String(cpuWeight(resources.cpuShares)) });
  }
  if (cpuQuotaUs > 0 || cpuPeriodUs > 0) {
    const quota = cpuQuotaUs > 0 ? String(cpuQuotaUs) : "max";
    writes.push({ controller: "cpu", file: "cpu.max", data: `${quota} ${cpuPeriodUs || DEFAULT_PERIOD_US}` });
  }
  if (pidsLimit !== undefined) writes.push({ controller: "pids", file: "pids.max", data: String(pidsLimit) });
  return writes;
}

function cpusetWrites(resources: ResourcesSpec): LimitWrite[] {
  const writes: LimitWrite[] = [];
  if (resources.cpusetCpus !== "")
    writes.push({ controller: "cpuset", file: "cpuset.cpus", data: resources.cpusetCpus });
  if (resources.cpusetMems !== "")
    writes.push({ controller: "cpuset", file: "cpuset.mems", data: resources.cpusetMems });
  return writes;
}

function ioWrites(resources: ResourcesSpec, host: HostFacts): LimitWrite[] {
  const writes: LimitWrite[] = [];
  const write = (file: string, data: string) => writes.push({ controller: "io", file, data });
  // bfq's file takes v1's scale, io.weight (cost model) its own.
  if (resources.blkioWeight > 0 && host.cgroup.controlFiles.has("io.bfq.weight")) {
    write("io.bfq.weight", String(resources.blkioWeight));
  } else if (resources.blkioWeight > 0 && host.cgroup.controlFiles.has("io.weight")) {
    write("io.weight", `default ${ioWeight(resources.blkioWeight)}`);
  }
  for (const { path, weight } of resources.blkioWeightDevices) {
    if (host.cgroup.controlFiles.has("io.bfq.weight")) write("io.bfq.weight", `${deviceNumber(path, host)} ${weight}`);
  }
  const throttle = (key: string, devices: ThrottleDevice[]) => {
    for (const { path, rate } of devices) write("io.max", `${deviceNumber(path, host)} ${key}=${rate}`);
  };
  throttle("rbps", resources.blkioReadBps);
  throttle("wbps", resources.blkioWriteBps);
  throttle("riops", resources.blkioReadIops);
  throttle("wiops", resources.blkioWriteIops);
  return writes;
}
