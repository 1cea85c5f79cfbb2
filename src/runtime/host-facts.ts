import { release } from "node:os";
import { findDevices } from "../kernel/devices.ts";
import {
  type KernelMount,
  listDirectory,
  parseCpuList,
  parseHardLimits,
  parseMountInfo,
  pathExists,
  readKernelFile,
} from "../kernel/proc-info.ts";
import { CAPABILITY_NAMES, capabilityBits } from "./capabilities.ts";
import { ensureCgroupParent } from "./cgroups/cgroup-control.ts";
import { cgroupDirectories } from "./cgroups/cgroup-operations.ts";
import { amd64Variant } from "./cpu-variant.ts";
import type { CgroupFacts, HostFacts } from "./plan/plan-input.ts";

const SYSTEM_CPUS = "/sys/devices/system/cpu";

/**
 * Reads what plans depend on from /proc and /sys. Called once, when the daemon starts; takes a few milliseconds. Makes
 * `cgroupParent` (`/gantry`), as only a cgroup below the root shows which limits there are.
 */
export function gatherHostFacts(cgroupParent: string): HostFacts {
  const status = readKernelFile("/proc/self/status") ?? "";
  const boundingCapabilities = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  const possible = parseCpuList(readKernelFile(`${SYSTEM_CPUS}/possible`) ?? "0");
  const online = (readKernelFile(`${SYSTEM_CPUS}/online`) ?? "0").trim();
  return {
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    ...cpuVariant(),
    kernel: parseKernelRelease(release()),
    cpuCount: parseCpuList(online).length,
    cpuset: { cpus: online, mems: readKernelFile("/sys/devices/system/node/online")?.trim() ?? "0" },
    cgroup: cgroupFacts(parseMountInfo(readKernelFile("/proc/self/mountinfo") ?? ""), cgroupParent),
    boundingCapabilities,
    lastCapability: Number(readKernelFile("/proc/sys/kernel/cap_last_cap") ?? CAPABILITY_NAMES.length - 1),
    canRaiseLimits: (effective & capabilityBits(["CAP_SYS_RESOURCE"])) !== 0n,
    seccomp: /^Seccomp:/m.test(status) && readKernelFile("/proc/sys/kernel/seccomp/actions_avail") !== undefined,
    apparmor: readKernelFile("/sys/module/apparmor/parameters/enabled")?.trim() === "Y",
    oomScoreAdj: Number(readKernelFile("/proc/self/oom_score_adj") ?? 0),
    hardLimits: parseHardLimits(readKernelFile("/proc/self/limits") ?? ""),
    thermalThrottleCpus: possible.filter((cpu) => pathExists(`${SYSTEM_CPUS}/cpu${cpu}/thermal_throttle`)),
    listDevices: () => findDevices("/dev"),
    findDevices,
  };
}

function cpuVariant(): Pick<HostFacts, "variant"> {
  const variant = process.arch === "x64" ? amd64Variant(readKernelFile("/proc/cpuinfo") ?? "") : undefined;
  return variant === undefined ? {} : { variant };
}

/** `6.1.0-18-amd64` → 6, 1. */
export function parseKernelRelease(text: string): HostFacts["kernel"] {
  const [, major = "0", minor = "0"] = /^(\d+)\.(\d+)/.exec(text) ?? [];
  return { major: Number(major), minor: Number(minor), release: text };
}

/**
 * v1 wherever a v1 hierarchy has a controller, also beside a v2 tree without any (hybrid); else v2. Of a file system that is
 * mounted several times the first mount counts.
 */
function cgroupFacts(mounts: readonly KernelMount[], parent: string): CgroupFacts {
  const hierarchies: Record<string, string> = {};
  for (const { mountPoint, fstype, superOptions } of mounts) {
    if (fstype !== "cgroup") continue;
    for (const option of superOptions) {
      const name = option === "name=systemd" ? "systemd" : option;
      if (V1_CONTROLLERS.has(name)) hierarchies[name] ??= mountPoint;
    }
  }
  const controllers = Object.keys(hierarchies).filter((name) => name !== "systemd");
  const root = mounts.find(({ fstype }) => fstype === "cgroup2")?.mountPoint ?? "/sys/fs/cgroup";
  const listed = (readKernelFile(`${root}/cgroup.controllers`) ?? "").trim();
  const controlFiles = new Set<string>();
  const facts: CgroupFacts =
    controllers.length > 0
      ? { version: 1, hierarchies, controllers, controlFiles }
      : { version: 2, root, controllers: listed === "" ? [] : listed.split(" "), controlFiles };
  ensureCgroupParent(facts, parent);
  for (const directory of cgroupDirectories(facts, parent)) {
    for (const name of listDirectory(directory)) controlFiles.add(name);
  }
  return facts;
}

const V1_CONTROLLERS = new Set([
  ..."cpu cpuacct cpuset memory devices freezer blkio pids hugetlb net_cls net_prio perf_event rdma misc".split(" "),
  "systemd",
]);
