import type { ResourcesSpec } from "../plan/plan-input.ts";

const DEFAULT_PERIOD_US = 100_000;
const NANO = 1_000_000_000;

/** The limits that follow from what was asked for: `--cpus` as quota and period, swap twice the memory where none was said. */
export interface EffectiveResources {
  /** 0: not limited. */
  memoryBytes: number;
  /** Memory plus swap; 0: not limited by us, -1: unlimited. */
  memorySwapBytes: number;
  cpuPeriodUs: number;
  cpuQuotaUs: number;
  /** undefined: not limited. */
  pidsLimit: number | undefined;
}

export function effectiveResources(spec: ResourcesSpec): EffectiveResources {
  const swapUnset = spec.memorySwapBytes === 0;
  return {
    memoryBytes: spec.memoryBytes,
    memorySwapBytes: spec.memoryBytes > 0 && swapUnset ? spec.memoryBytes * 2 : spec.memorySwapBytes,
    cpuPeriodUs: spec.nanoCpus > 0 ? DEFAULT_PERIOD_US : spec.cpuPeriodUs,
    cpuQuotaUs: spec.nanoCpus > 0 ? Math.trunc((spec.nanoCpus * DEFAULT_PERIOD_US) / NANO) : spec.cpuQuotaUs,
    pidsLimit: spec.pidsLimit !== undefined && spec.pidsLimit > 0 ? spec.pidsLimit : undefined,
  };
}

/** Nothing asked for: what a plan is built from where a caller sets no limit. */
export const NO_LIMITS: ResourcesSpec = {
  memoryBytes: 0,
  memoryReservationBytes: 0,
  memorySwapBytes: 0,
  kernelMemoryBytes: 0,
  oomKillDisable: false,
  nanoCpus: 0,
  cpuShares: 0,
  cpuPeriodUs: 0,
  cpuQuotaUs: 0,
  cpuRealtimePeriodUs: 0,
  cpuRealtimeRuntimeUs: 0,
  cpusetCpus: "",
  cpusetMems: "",
  blkioWeight: 0,
  blkioWeightDevices: [],
  blkioReadBps: [],
  blkioWriteBps: [],
  blkioReadIops: [],
  blkioWriteIops: [],
  devices: [],
  deviceCgroupRules: [],
  ulimits: [],
};
