import { parseMountInfo } from "../kernel/proc-info.ts";
import type { HostFacts } from "../runtime/plan/plan-input.ts";

/** Rights and features that this host lacks and that a user of Docker would expect: said in the log and in `info`. */
export function hostWarnings(host: HostFacts): string[] {
  const { kernel } = host;
  return [
    ...(kernel.major > 5 || (kernel.major === 5 && kernel.minor >= 12)
      ? []
      : [`WARNING: Linux ${kernel.release} is older than 5.12: containers cannot start`]),
    ...(host.canRaiseLimits
      ? []
      : ["WARNING: The daemon lacks CAP_SYS_RESOURCE: --ulimit and --oom-score-adj cannot exceed its own limits"]),
    ...(host.seccomp ? [] : ["WARNING: No seccomp support: containers run without a system call filter"]),
  ];
}

/** File system type under a directory, from the text of /proc/self/mountinfo: the longest mount point that holds it. */
export function backingFilesystem(directory: string, mountInfo: string): string {
  let best = { length: -1, fstype: "unknown" };
  for (const { mountPoint, fstype } of parseMountInfo(mountInfo)) {
    const inside = mountPoint === "/" || directory === mountPoint || directory.startsWith(`${mountPoint}/`);
    if (inside && mountPoint.length >= best.length) best = { length: mountPoint.length, fstype };
  }
  return best.fstype === "ext4" || best.fstype === "ext3" ? "extfs" : best.fstype;
}
