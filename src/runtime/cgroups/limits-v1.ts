import type { HostFacts, ResourcesSpec, ThrottleDevice } from "../plan/plan-input.ts";
import { deviceNumber } from "./device-number.ts";
import { effectiveResources } from "./effective-resources.ts";

/** One write below a container's cgroup. On v1 `controller` names the hierarchy; on v2 it is only for reading. */
export interface LimitWrite {
  controller: string;
  file: string;
  data: string;
}

/** The writes that make these limits hold in a new v1 cgroup, in an order the kernel accepts. Only what was asked for. */
export function limitsV1(resources: ResourcesSpec, host: HostFacts): LimitWrite[] {
  return [
    ...cpusetWrites(resources),
    ...memoryWrites(resources),
    ...cpuWrites(resources),
    ...ioWrites(resources, host),
  ];
}

function memoryWrites(resources: ResourcesSpec): LimitWrite[] {
  const { memoryBytes, memorySwapBytes } = effectiveResources(resources);
  const writes: LimitWrite[] = [];
  const write = (file: string, value: number) => writes.push({ controller: "memory", file, data: String(value) });
  if (memoryBytes > 0) write("memory.limit_in_bytes", memoryBytes);
  // Memory plus swap may not be below memory: after it, as both begin unlimited.
  if (memorySwapBytes !== 0) write("memory.memsw.limit_in_bytes", memorySwapBytes);
  if (resources.memoryReservationBytes > 0) write("memory.soft_limit_in_bytes", resources.memoryReservationBytes);
  if (resources.memorySwappiness !== undefined && resources.memorySwappiness >= 0) {
    write("memory.swappiness", resources.memorySwappiness);
  }
  if (resources.oomKillDisable) write("memory.oom_control", 1);
  return writes;
}

function cpuWrites(resources: ResourcesSpec): LimitWrite[] {
  const { cpuPeriodUs, cpuQuotaUs, pidsLimit } = effectiveResources(resources);
  const writes: LimitWrite[] = [];
  const write = (file: string, value: number) => writes.push({ controller: "cpu", file, data: String(value) });
  if (resources.cpuShares > 0) write("cpu.shares", resources.cpuShares);
  if (cpuPeriodUs > 0) write("cpu.cfs_period_us", cpuPeriodUs);
  if (cpuQuotaUs > 0) write("cpu.cfs_quota_us", cpuQuotaUs);
  if (resources.cpuRealtimePeriodUs > 0) write("cpu.rt_period_us", resources.cpuRealtimePeriodUs);
  if (resources.cpuRealtimeRuntimeUs > 0) write("cpu.rt_runtime_us", resources.cpuRealtimeRuntimeUs);
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
  const prefix = host.cgroup.controlFiles.has("blkio.bfq.weight") ? "blkio.bfq" : "blkio";
  const writes: LimitWrite[] = [];
  const write = (file: string, data: string) => writes.push({ controller: "blkio", file, data });
  if (resources.blkioWeight > 0 && host.cgroup.controlFiles.has(`${prefix}.weight`)) {
    write(`${prefix}.weight`, String(resources.blkioWeight));
  }
  for (const { path, weight } of resources.blkioWeightDevices) {
    write(`${prefix}.weight_device`, `${deviceNumber(path, host)} ${weight}`);
  }
  const throttle = (file: string, devices: ThrottleDevice[]) => {
    for (const { path, rate } of devices) write(`blkio.throttle.${file}`, `${deviceNumber(path, host)} ${rate}`);
  };
  throttle("read_bps_device", resources.blkioReadBps);
  throttle("write_bps_device", resources.blkioWriteBps);
  throttle("read_iops_device", resources.blkioReadIops);
  throttle("write_iops_device", resources.blkioWriteIops);
  return writes;
}
