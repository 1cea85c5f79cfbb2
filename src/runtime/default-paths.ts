/** Hidden from every container that is not privileged. @see moby daemon/pkg/oci/defaults.go */
const MASKED_PATHS = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
];

export const DEFAULT_READONLY_PATHS: readonly string[] = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
];

/** Twelve paths and, for each CPU that has one, its thermal throttle counters: a covert channel between containers. */
export function defaultMaskedPaths(thermalThrottleCpus: readonly number[]): string[] {
  return [...MASKED_PATHS, ...thermalThrottleCpus.map((cpu) => `/sys/devices/system/cpu/cpu${cpu}/thermal_throttle`)];
}
