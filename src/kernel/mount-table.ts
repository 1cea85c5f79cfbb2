import { readFileSync } from "node:fs";
import { unescapeOctal } from "./proc-info.ts";

export interface MountPropagation {
  mountPoint: string;
  shared: boolean;
  slave: boolean;
}

/** How mounts spread from and to the mount that holds `path`: absolute, without symlinks. */
export function propagationOf(path: string): MountPropagation {
  return findPropagation(readFileSync("/proc/self/mountinfo", "utf8"), path);
}

/** The last line wins of those that are equally near: it was mounted over the others. @see proc_pid_mountinfo(5) */
export function findPropagation(mountInfo: string, path: string): MountPropagation {
  let found: MountPropagation = { mountPoint: "/", shared: false, slave: false };
  for (const line of mountInfo.split("\n")) {
    const [left = ""] = line.split(" - ");
    const [, , , , escaped, , ...optional] = left.split(" ");
    if (escaped === undefined) continue;
    const mountPoint = unescapeOctal(escaped);
    if (!isBelow(path, mountPoint) || mountPoint.length < found.mountPoint.length) continue;
    const says = (tag: string) => optional.some((field) => field.startsWith(tag));
    found = { mountPoint, shared: says("shared:"), slave: says("master:") };
  }
  return found;
}

function isBelow(path: string, directory: string): boolean {
  return path === directory || directory === "/" || path.startsWith(`${directory}/`);
}
