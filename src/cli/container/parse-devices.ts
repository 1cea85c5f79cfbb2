import { splitCsv } from "../../base/csv.ts";
import { parseBytes } from "../../base/go-values.ts";

export interface WireUlimit {
  Name: string;
  Soft: number;
  Hard: number;
}

const ULIMITS = "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(
  " ",
);

/** `nofile=1024:2048`, `core=-1`, `nproc=unlimited`. */
export function parseUlimit(text: string): WireUlimit {
  const match = /^([^=]*)=(.*)$/s.exec(text);
  if (match === null) throw new Error(`invalid ulimit argument: ${text}`);
  const [name, value] = [match[1] ?? "", match[2] ?? ""];
  if (!ULIMITS.includes(name)) throw new Error(`invalid ulimit type: ${name}`);
  const parts = value.split(":");
  if (parts.length > 2 || value === "")
    throw new Error(`too many limit value arguments - ${value}, can only have up to two, \`soft[:hard]\``);
  const number = (part: string) => {
    if (part === "unlimited") return -1;
    if (!/^-?\d+$/.test(part)) throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(part)}: invalid syntax`);
    return Number(part);
  };
  const soft = number(parts[0] ?? "");
  const hard = parts[1] === undefined ? soft : number(parts[1]);
  if (hard !== -1 && (soft === -1 || soft > hard)) {
    throw new Error(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  }
  return { Name: name, Soft: soft, Hard: hard };
}

export interface WireDevice {
  PathOnHost: string;
  PathInContainer: string;
  CgroupPermissions: string;
}

/** `/dev/a[:/dev/b][:rwm]`. */
export function parseDevice(text: string): WireDevice {
  const [source = "", second, third, ...more] = text.split(":");
  const isMode = (part: string) => /^[rwm]{1,3}$/.test(part) && new Set(part).size === part.length;
  const mode = third ?? (second !== undefined && isMode(second) ? second : "rwm");
  const target = second === undefined || isMode(second) ? source : second;
  if (source === "" || more.length > 0 || target === "") throw new Error(`invalid device specification: ${text}`);
  if (!isMode(mode)) throw new Error(`bad mode specified: ${mode}`);
  if (!target.startsWith("/")) throw new Error(`bad format for path: ${text}`);
  return { PathOnHost: source, PathInContainer: target, CgroupPermissions: mode };
}

/** A device named by the Container Device Interface: `vendor.com/class=name`. */
export function isCdiDevice(text: string): boolean {
  return /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w-]*=[A-Za-z0-9][\w.:-]*$/.test(text);
}

export function checkDeviceRule(text: string): void {
  if (!/^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$/.test(text))
    throw new Error(`invalid device cgroup format '${text}'`);
}

/** `/dev/a:500`, a weight from 10 to 1000 or 0. */
export function parseWeightDevice(text: string): { Path: string; Weight: number } {
  const [path = "", weight = "", ...more] = text.split(":");
  if (more.length > 0 || !text.includes(":")) throw new Error(`bad format: ${text}`);
  if (!path.startsWith("/dev/")) throw new Error(`bad format for device path: ${text}`);
  const value = Number(weight);
  if (!/^\d+$/.test(weight)) throw new Error(`invalid weight for device: ${text}`);
  if (value !== 0 && (value < 10 || value > 1000)) throw new Error(`invalid weight for device: ${text}`);
  return { Path: path, Weight: value };
}

/** `/dev/a:1mb` or, for operations, `/dev/a:1000`. */
export function parseRateDevice(text: string, unit: "bytes" | "operations"): { Path: string; Rate: number } {
  const [path = "", rate = "", ...more] = text.split(":");
  if (more.length > 0 || !text.includes(":")) throw new Error(`bad format: ${text}`);
  if (!path.startsWith("/dev/")) throw new Error(`bad format for device path: ${text}`);
  const example =
    unit === "bytes"
      ? "<device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb"
      : "<device-path>:<number>. Number must be a positive integer";
  const bad = new Error(`invalid rate for device: ${text}. The correct format is ${example}`);
  if (unit === "operations" && !/^\d+$/.test(rate)) throw bad;
  try {
    return { Path: path, Rate: unit === "bytes" ? parseBytes(rate) : Number(rate) };
  } catch {
    throw bad;
  }
}

export interface WireDeviceRequest {
  Driver: string;
  Count: number;
  DeviceIDs: string[] | null;
  Capabilities: string[][];
  Options: Record<string, string>;
}

/** `all`, `2`, `"device=0,1",capabilities=utility,driver=nvidia`. */
export function parseGpus(text: string): WireDeviceRequest {
  const request: WireDeviceRequest = { Driver: "", Count: 0, DeviceIDs: null, Capabilities: [["gpu"]], Options: {} };
  const count = (value: string) => {
    if (value === "all") return -1;
    if (!/^-?\d+$/.test(value)) {
      throw new Error(`invalid count (${value}): value must be either "all" or an integer: invalid syntax`);
    }
    return Number(value);
  };
  const seen = new Set<string>();
  for (const field of splitCsv(text)) {
    const equals = field.indexOf("=");
    const key = equals < 0 ? "count" : field.slice(0, equals);
    const value = field.slice(equals + 1);
    if (seen.has(key)) throw new Error(`gpu request key '${key}' can be specified only once`);
    seen.add(key);
    if (key === "driver") request.Driver = value;
    else if (key === "count") request.Count = count(value);
    else if (key === "device") request.DeviceIDs = value.split(",");
    else if (key === "capabilities") request.Capabilities = [[...value.split(","), "gpu"]];
    else if (key === "options")
      for (const option of splitCsv(value))
        request.Options[option.split("=")[0] ?? ""] = option.split("=").slice(1).join("=");
    else throw new Error(`unexpected key '${key}' in '${field}'`);
  }
  if (request.DeviceIDs === null && !seen.has("count")) request.Count = 1;
  return request;
}
