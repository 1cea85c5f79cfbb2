import { invalid } from "../../base/errors.ts";
import type { HostFacts } from "../plan/plan-input.ts";

/** `major:minor` of the device at a host path. Throws invalid-argument if there is none. */
export function deviceNumber(path: string, host: HostFacts): string {
  const device = host.findDevices(path).find((found) => found.path === path);
  if (device === undefined)
    throw invalid(`error gathering device information while adding custom device "${path}": no such file or directory`);
  return `${device.major}:${device.minor}`;
}
