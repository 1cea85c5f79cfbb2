import { expect, test } from "bun:test";
import type { HostFacts, ResourcesSpec } from "../plan/plan-input.ts";
import { NO_LIMITS } from "./effective-resources.ts";
import { validateResources } from "./validate-resources.ts";

const FILES =
  "memory.limit_in_bytes memory.memsw.limit_in_bytes memory.swappiness memory.soft_limit_in_bytes memory.oom_control pids.max " +
  "cpu.shares cpu.cfs_quota_us cpu.rt_runtime_us cpuset.cpus blkio.throttle.read_bps_device blkio.weight blkio.weight_device";

/** Only what the rules look at. */
function host(files: string, version: 1 | 2 = 1): HostFacts {
  return {
    cpuCount: 2,
    cpuset: { cpus: "0-1", mems: "0" },
    cgroup: { version, controlFiles: new Set(files.split(" ")) },
  } as unknown as HostFacts;
}

const MB = 1024 * 1024;

function check(limits: Partial<ResourcesSpec>, expected: string[] | string, on = host(FILES)): void {
  let got: string[] | string;
  try {
    got = validateResources({ ...NO_LIMITS, ...limits }, on);
  } catch (error) {
    got = (error as Error).message;
  }
  expect(got).toEqual(expected);
}

test("what makes sense passes without a word", () => {
  check({}, []);
  check({ memoryBytes: 64 * MB, memorySwapBytes: -1, memorySwappiness: 0, memoryReservationBytes: 32 * MB }, []);
  check({ nanoCpus: 2e9, cpusetCpus: "0,1", cpusetMems: "0", pidsLimit: -1, blkioWeight: 10, cpuShares: 2 }, []);
  check({ memorySwappiness: -1, cpuQuotaUs: -1, cpuPeriodUs: 100000 }, []);
});

test("memory that makes no sense is refused in Docker's words", () => {
  check({ memoryBytes: 4 * MB }, "Minimum memory limit allowed is 6MB");
  check(
    { memoryBytes: 64 * MB, memorySwapBytes: 32 * MB },
    "Minimum memoryswap limit should be larger than memory limit, see usage",
  );
  check({ memorySwapBytes: 32 * MB }, "You should always set the Memory limit when using Memoryswap limit, see usage");
  check({ memorySwappiness: 101 }, "Invalid value: 101, valid memory swappiness range is 0-100");
  check({ memoryReservationBytes: MB }, "Minimum memory reservation allowed is 6MB");
  check(
    { memoryBytes: 8 * MB, memoryReservationBytes: 16 * MB },
    "Minimum memory limit can not be less than memory reservation limit, see usage",
  );
  check({ kernelMemoryBytes: MB }, "Minimum kernel memory limit allowed is 6MB");
});

test("CPU and I/O that make no sense are refused in Docker's words", () => {
  const range = "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available";
  check({ nanoCpus: 2.5e9 }, range);
  check({ nanoCpus: -1 }, range);
  check({ nanoCpus: 1e9, cpuPeriodUs: 1000 }, "Conflicting options: Nano CPUs and CPU Period cannot both be set.");
  check({ nanoCpus: 1e9, cpuQuotaUs: 1000 }, "Conflicting options: Nano CPUs and CPU Quota cannot both be set.");
  check({ cpuPeriodUs: 10 }, "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
  check({ cpuQuotaUs: 10 }, "CPU cfs quota can not be less than 1ms (i.e. 1000)");
  check({ cpusetCpus: "0-" }, "Invalid value 0- for cpuset cpus");
  check({ cpusetCpus: "3-1" }, "Invalid value 3-1 for cpuset cpus");
  check({ cpusetCpus: "0-2" }, "Requested CPUs are not available - requested 0-2, available: 0-1");
  check({ cpusetMems: "1" }, "Requested memory nodes are not available - requested 1, available: 0");
  check({ blkioWeight: 5 }, "Range of blkio weight is from 10 to 1000");
  check(
    { cpuRealtimeRuntimeUs: 20, cpuRealtimePeriodUs: 10 },
    "cpu real-time runtime cannot be higher than cpu real-time period",
  );
});

test("what the kernel lacks is a warning", () => {
  const bare = host("");
  check(
    { memoryBytes: 64 * MB },
    ["Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded."],
    bare,
  );
  check(
    { memoryBytes: 64 * MB },
    ["Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap."],
    host("memory.limit_in_bytes"),
  );
  check(
    { pidsLimit: 5 },
    ["Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded."],
    bare,
  );
  check(
    { cpuShares: 5 },
    ["Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded."],
    bare,
  );
  check(
    { cpusetCpus: "0" },
    ["Your kernel does not support cpuset or the cgroup is not mounted. Cpuset discarded."],
    bare,
  );
  check(
    { blkioWeight: 100 },
    ["Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded."],
    bare,
  );
  check(
    { blkioReadBps: [{ path: "/dev/a", rate: 1 }] },
    [
      "Your kernel does not support BPS Block I/O read limit or the cgroup is not mounted. Block I/O BPS read limit discarded.",
    ],
    bare,
  );
  check(
    { oomKillDisable: true, memorySwappiness: 5 },
    [
      "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.",
      "Your kernel does not support OomKillDisable. OomKillDisable discarded.",
    ],
    host("memory.max memory.swap.max", 2),
  );
  check({ oomKillDisable: true }, [
    "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.",
  ]);
});
