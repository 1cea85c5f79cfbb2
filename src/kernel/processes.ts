import { readFileSync } from "node:fs";
import { syscall } from "./libc.ts";
import { closeFd } from "./files.ts";

/** Field 22 of /proc/pid/stat, in clock ticks since boot; undefined when there is no such process. */
export function startTicksOf(pid: number): bigint | undefined {
  const stat = readProcess(pid, "stat");
  // The name, field 2, is in parentheses and may hold anything.
  const ticks = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return ticks === undefined ? undefined : BigInt(ticks);
}

/** /proc/pid/status as text; undefined when there is no such process. */
export function processStatus(pid: number): string | undefined {
  return readProcess(pid, "status");
}

/** A pidfd of the process with this pid and start: undefined when that one is gone, even if the pid is another's now. */
export function openPidfd(pid: number, startTicks: bigint): number | undefined {
  let fd: number;
  try {
    fd = syscall("pidfd_open", `pid ${pid}`, pid, 0);
  } catch {
    return undefined;
  }
  if (startTicksOf(pid) === startTicks) return fd;
  closeFd(fd);
  return undefined;
}

function readProcess(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return undefined;
  }
}
