import { lstatSync, readdirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { splitDevice } from "../base/device-number.ts";

export interface DeviceNode {
  path: string;
  kind: "c" | "b";
  major: number;
  minor: number;
  /** Permission bits. */
  mode: number;
  uid: number;
  gid: number;
}

/** /dev of a large host has some thousands. */
const MAX_DEVICES = 65_536;
/** Not devices of the machine, but of whoever mounted them. */
const SKIPPED = new Set(["pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev", "console"]);

/** The device at `path` (symlinks followed) or all below a directory, `path` as given. None: nothing there. */
export function findDevices(path: string): DeviceNode[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return [];
  if (!found.isDirectory()) return deviceOf(path, found);
  const devices: DeviceNode[] = [];
  walk(path, devices);
  return devices;
}

function walk(directory: string, devices: DeviceNode[]): void {
  for (const name of readdirSync(directory).sort()) {
    if (SKIPPED.has(name) || devices.length >= MAX_DEVICES) continue;
    const path = join(directory, name);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) continue;
    if (found.isDirectory()) walk(path, devices);
    else devices.push(...deviceOf(path, found));
  }
}

function deviceOf(path: string, found: Stats): DeviceNode[] {
  const kind = found.isCharacterDevice() ? "c" : found.isBlockDevice() ? "b" : undefined;
  if (kind === undefined) return [];
  const { major, minor } = splitDevice(BigInt(found.rdev));
  return [{ path, kind, major, minor, mode: found.mode & 0o777, uid: found.uid, gid: found.gid }];
}
