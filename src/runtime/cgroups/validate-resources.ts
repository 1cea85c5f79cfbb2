import { invalid } from "../../base/errors.ts";
import { parseCpuList } from "../../kernel/proc-info.ts";
import type { HostFacts, ResourcesSpec } from "../plan/plan-input.ts";

const MIN_MEMORY_BYTES = 6 * 1024 * 1024;
const NANO = 1_000_000_000;
const MIN_PERIOD_US = 1000;
const MAX_PERIOD_US = 1_000_000;

/** The control file without which a limit does not exist, by cgroup version; null: that version has no such limit. */
const FEATURES = {
  memory: ["memory.limit_in_bytes", "memory.max"],
  swap: ["memory.memsw.limit_in_bytes", "memory.swap.max"],
  swappiness: ["memory.swappiness", null],
  reservation: ["memory.soft_limit_in_bytes", "memory.low"],
  oomKillDisable: ["memory.oom_control", null],
  pids: ["pids.max", "pids.max"],
  shares: ["cpu.shares", "cpu.weight"],
  quota: ["cpu.cfs_quota_us", "cpu.max"],
  realtime: ["cpu.rt_runtime_us", null],
  cpuset: ["cpuset.cpus", "cpuset.cpus"],
  throttle: ["blkio.throttle.read_bps_device", "io.max"],
} as const;

type Check = (resources: ResourcesSpec, host: HostFacts) => string[];

/**
 * Docker's rules for limits, in its words. Returns the warnings: what this kernel cannot do, and which plans therefore leave
 * out. Throws invalid-argument for what makes no sense anywhere.
 */
export function validateResources(resources: ResourcesSpec, host: HostFacts): string[] {
  const checks: Check[] = [
    checkMemory,
    checkSwap,
    checkReservation,
    checkOom,
    checkPids,
    checkCpu,
    checkCpuset,
    checkIo,
  ];
  return checks.flatMap((check) => check(resources, host));
}

function supports(host: HostFacts, feature: keyof typeof FEATURES): boolean {
  const file = FEATURES[feature][host.cgroup.version - 1];
  return file !== null && file !== undefined && host.cgroup.controlFiles.has(file);
}

function checkMemory({ memoryBytes, kernelMemoryBytes }: ResourcesSpec, host: HostFacts): string[] {
  const warnings: string[] = [];
  if (memoryBytes > 0 && memoryBytes < MIN_MEMORY_BYTES) throw invalid("Minimum memory limit allowed is 6MB");
  if (memoryBytes > 0 && !supports(host, "memory")) {
    warnings.push(
      "Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded.",
    );
  }
  if (kernelMemoryBytes > 0) {
    if (kernelMemoryBytes < MIN_MEMORY_BYTES) throw invalid("Minimum kernel memory limit allowed is 6MB");
    warnings.push("Specifying a kernel memory limit is deprecated and will be removed in a future release.");
  }
  return warnings;
}

function checkSwap({ memoryBytes, memorySwapBytes, memorySwappiness }: ResourcesSpec, host: HostFacts): string[] {
  const warnings: string[] = [];
  if (memoryBytes > 0 && memorySwapBytes !== -1 && supports(host, "memory") && !supports(host, "swap")) {
    warnings.push(
      "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.",
    );
  }
  if (memoryBytes > 0 && memorySwapBytes > 0 && memorySwapBytes < memoryBytes) {
    throw invalid("Minimum memoryswap limit should be larger than memory limit, see usage");
  }
  if (memoryBytes === 0 && memorySwapBytes > 0) {
    throw invalid("You should always set the Memory limit when using Memoryswap limit, see usage");
  }
  if (memorySwappiness !== undefined && memorySwappiness !== -1) {
    if (memorySwappiness < -1 || memorySwappiness > 100) {
      throw invalid(`Invalid value: ${memorySwappiness}, valid memory swappiness range is 0-100`);
    }
    if (!supports(host, "swappiness")) {
      warnings.push(
        "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.",
      );
    }
  }
  return warnings;
}

function checkReservation({ memoryBytes, memoryReservationBytes }: ResourcesSpec, host: HostFacts): string[] {
  if (memoryReservationBytes === 0) return [];
  if (memoryReservationBytes < MIN_MEMORY_BYTES) throw invalid("Minimum memory reservation allowed is 6MB");
  if (memoryBytes > 0 && memoryBytes < memoryReservationBytes) {
    throw invalid("Minimum memory limit can not be less than memory reservation limit, see usage");
  }
  if (supports(host, "reservation")) return [];
  return [
    "Your kernel does not support memory soft limit capabilities or the cgroup is not mounted. Limitation discarded.",
  ];
}

function checkOom({ oomKillDisable, memoryBytes }: ResourcesSpec, host: HostFacts): string[] {
  if (!oomKillDisable) return [];
  if (!supports(host, "oomKillDisable")) {
    return ["Your kernel does not support OomKillDisable. OomKillDisable discarded."];
  }
  if (memoryBytes > 0) return [];
  return [
    "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.",
  ];
}

function checkPids({ pidsLimit }: ResourcesSpec, host: HostFacts): string[] {
  if (pidsLimit === undefined || pidsLimit <= 0 || supports(host, "pids")) return [];
  return ["Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded."];
}

function checkCpu(resources: ResourcesSpec, host: HostFacts): string[] {
  checkNanoCpus(resources, host);
  const { cpuPeriodUs, cpuQuotaUs, cpuShares, cpuRealtimePeriodUs, cpuRealtimeRuntimeUs } = resources;
  const warnings: string[] = [];
  if (cpuShares > 0 && !supports(host, "shares")) {
    warnings.push("Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded.");
  }
  if (cpuPeriodUs !== 0 && (cpuPeriodUs < MIN_PERIOD_US || cpuPeriodUs > MAX_PERIOD_US)) {
    throw invalid("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
  }
  if (cpuQuotaUs > 0 && cpuQuotaUs < MIN_PERIOD_US) {
    throw invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)");
  }
  if ((cpuPeriodUs !== 0 || cpuQuotaUs > 0) && !supports(host, "quota")) {
    warnings.push("Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.");
  }
  if (cpuRealtimePeriodUs !== 0 || cpuRealtimeRuntimeUs !== 0) {
    if (!supports(host, "realtime")) throw invalid("Your kernel does not support CPU real-time scheduler");
    if (cpuRealtimePeriodUs !== 0 && cpuRealtimeRuntimeUs > cpuRealtimePeriodUs) {
      throw invalid("cpu real-time runtime cannot be higher than cpu real-time period");
    }
  }
  return warnings;
}

function checkNanoCpus({ nanoCpus, cpuPeriodUs, cpuQuotaUs }: ResourcesSpec, host: HostFacts): void {
  if (nanoCpus === 0) return;
  if (cpuPeriodUs > 0) throw invalid("Conflicting options: Nano CPUs and CPU Period cannot both be set.");
  if (cpuQuotaUs > 0) throw invalid("Conflicting options: Nano CPUs and CPU Quota cannot both be set.");
  if (!supports(host, "quota")) {
    throw invalid(
      "NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted",
    );
  }
  if (nanoCpus < 0 || nanoCpus > host.cpuCount * NANO) {
    const { cpuCount } = host;
    throw invalid(`Range of CPUs is from 0.01 to ${cpuCount}.00, as there are only ${cpuCount} CPUs available`);
  }
}

function checkCpuset({ cpusetCpus, cpusetMems }: ResourcesSpec, host: HostFacts): string[] {
  if (cpusetCpus === "" && cpusetMems === "") return [];
  if (!supports(host, "cpuset")) {
    return ["Your kernel does not support cpuset or the cgroup is not mounted. Cpuset discarded."];
  }
  const { cpus, mems } = host.cpuset;
  checkList(cpusetCpus, cpus, { field: "cpuset cpus", noun: "CPUs" });
  checkList(cpusetMems, mems, { field: "cpuset mems", noun: "memory nodes" });
  return [];
}

function checkList(given: string, available: string, words: { field: string; noun: string }): void {
  if (given === "") return;
  if (!given.split(",").every(isRange)) throw invalid(`Invalid value ${given} for ${words.field}`);
  const known = new Set(parseCpuList(available));
  if (parseCpuList(given).every((number) => known.has(number))) return;
  throw invalid(`Requested ${words.noun} are not available - requested ${given}, available: ${available}`);
}

function isRange(part: string): boolean {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
  return match !== null && Number(match[2] ?? match[1]) >= Number(match[1]);
}

function checkIo(resources: ResourcesSpec, host: HostFacts): string[] {
  const { blkioWeight } = resources;
  const warnings: string[] = [];
  if (blkioWeight !== 0 && (blkioWeight < 10 || blkioWeight > 1000)) {
    throw invalid("Range of blkio weight is from 10 to 1000");
  }
  const hasAny = (...files: string[]) => files.some((file) => host.cgroup.controlFiles.has(file));
  if (blkioWeight > 0 && !hasAny("blkio.weight", "blkio.bfq.weight", "io.weight", "io.bfq.weight")) {
    warnings.push("Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.");
  }
  const weightDevices = hasAny("blkio.weight_device", "blkio.bfq.weight_device", "io.bfq.weight");
  if (resources.blkioWeightDevices.length > 0 && !weightDevices) {
    warnings.push(
      "Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.",
    );
  }
  const discard = (devices: unknown[], kind: string, limit: string) => {
    if (devices.length === 0 || supports(host, "throttle")) return;
    warnings.push(
      `Your kernel does not support ${kind} limit or the cgroup is not mounted. Block I/O ${limit} limit discarded.`,
    );
  };
  discard(resources.blkioReadBps, "BPS Block I/O read", "BPS read");
  discard(resources.blkioWriteBps, "BPS Block I/O write", "BPS write");
  discard(resources.blkioReadIops, "IOPS Block read", "IOPS read");
  discard(resources.blkioWriteIops, "IOPS Block write", "IOPS write");
  return warnings;
}
