import { invalid } from "../../base/errors.ts";
import type { HostDevice, HostFacts, ResourcesSpec } from "../plan/plan-input.ts";

/** One line of the allow list; what no rule allows is denied. `*` stands for every number. */
export interface DeviceRule {
  kind: "a" | "b" | "c";
  major: number | "*";
  minor: number | "*";
  /** Of `rwm`: read, write, make the node. */
  access: string;
}

/** Making any node is harmless without the right to open it; the rest is what /dev of a container holds, its terminals included. */
export const DEFAULT_DEVICE_RULES: readonly DeviceRule[] = [
  { kind: "c", major: "*", minor: "*", access: "m" },
  { kind: "b", major: "*", minor: "*", access: "m" },
  { kind: "c", major: 1, minor: 3, access: "rwm" },
  { kind: "c", major: 1, minor: 5, access: "rwm" },
  { kind: "c", major: 1, minor: 7, access: "rwm" },
  { kind: "c", major: 1, minor: 8, access: "rwm" },
  { kind: "c", major: 1, minor: 9, access: "rwm" },
  { kind: "c", major: 5, minor: 0, access: "rwm" },
  { kind: "c", major: 5, minor: 1, access: "rwm" },
  { kind: "c", major: 5, minor: 2, access: "rwm" },
  { kind: "c", major: 136, minor: "*", access: "rwm" },
];

export interface RequestedDevice extends HostDevice {
  /** Where its node lies in the container. */
  target: string;
  access: string;
}

/** The `--device` list with host paths looked up; a directory stands for the devices below it. Throws in Docker's words. */
export function requestedDevices(resources: ResourcesSpec, host: HostFacts): RequestedDevice[] {
  return resources.devices.flatMap(({ pathOnHost, pathInContainer, permissions }) => {
    const found = host.findDevices(pathOnHost);
    if (found.length === 0) {
      throw invalid(
        `error gathering device information while adding custom device "${pathOnHost}": no such file or directory`,
      );
    }
    const base = pathInContainer || pathOnHost;
    return found.map((device) => ({
      ...device,
      target: device.path === pathOnHost ? base : base + device.path.slice(pathOnHost.length),
      access: permissions || "rwm",
    }));
  });
}

/** The whole allow list of a container that is not privileged. */
export function deviceRules(resources: ResourcesSpec, devices: readonly RequestedDevice[]): DeviceRule[] {
  return [
    ...DEFAULT_DEVICE_RULES,
    ...devices.map(({ kind, major, minor, access }) => ({ kind, major, minor, access })),
    ...resources.deviceCgroupRules.map(parseDeviceCgroupRule),
  ];
}

/** `c 1:3 rwm`, `b *:* r`, `a *:* rwm`. Throws invalid-argument in Docker's words. */
export function parseDeviceCgroupRule(rule: string): DeviceRule {
  const match = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/.exec(rule);
  const [, kind, major, minor, access] = match ?? [];
  if (kind === undefined || major === undefined || minor === undefined || access === undefined) {
    throw invalid(`invalid device cgroup rule format: '${rule}'`);
  }
  return { kind: kind as DeviceRule["kind"], major: parseNumber(major, rule), minor: parseNumber(minor, rule), access };
}

function parseNumber(text: string, rule: string): number | "*" {
  if (text === "*") return "*";
  const value = Number(text);
  if (value > 0xffff_ffff) throw invalid(`invalid device cgroup rule format: '${rule}'`);
  return value;
}

/** The rule as a line of v1's `devices.allow`. */
export function formatDeviceRule({ kind, major, minor, access }: DeviceRule): string {
  return `${kind} ${major}:${minor} ${access}`;
}
