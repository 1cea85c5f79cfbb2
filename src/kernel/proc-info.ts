import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";

/** Proc and cgroup files are small; one that is not is not what it seems. */
const MAX_FILE_BYTES = 1024 * 1024;

/** The text of a kernel file, or undefined if it cannot be read. */
export function readKernelFile(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return undefined;
  }
  try {
    return readAll(fd);
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}

/** stat says 0 bytes for these files: read until the end. */
function readAll(fd: number): string {
  const chunks: Buffer[] = [];
  let total = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(65_536);
    const count = readSync(fd, chunk, 0, chunk.length, null);
    if (count === 0) return Buffer.concat(chunks).toString();
    total += count;
    if (total > MAX_FILE_BYTES) throw new RangeError(`more than ${MAX_FILE_BYTES} bytes`);
    chunks.push(chunk.subarray(0, count));
  }
}

export function pathExists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Names in a directory; none if it cannot be read. */
export function listDirectory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

export interface KernelMount {
  mountPoint: string;
  fstype: string;
  /** Of the file system, comma-separated: `rw,memory`. */
  superOptions: string[];
}

/** The mounts of this process. @see proc_pid_mountinfo(5) */
export function parseMountInfo(text: string): KernelMount[] {
  return text.split("\n").flatMap((line) => {
    const [left = "", right = ""] = line.split(" - ");
    const mountPoint = left.split(" ")[4];
    const [fstype, , options = ""] = right.split(" ");
    if (mountPoint === undefined || fstype === undefined) return [];
    return [{ mountPoint: unescapeOctal(mountPoint), fstype, superOptions: options.split(",") }];
  });
}

/** Mount tables write blanks, tabs, line feeds and backslashes as `\040`. */
export function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** Hard limits by ulimit name (`nofile`). Unlimited is 2^64-1. @see proc_pid_limits(5) */
export function parseHardLimits(text: string): Record<string, bigint> {
  const limits: Record<string, bigint> = {};
  for (const [label, name] of Object.entries(LIMIT_NAMES)) {
    const match = new RegExp(`^${label} +\\S+ +(\\S+)`, "m").exec(text);
    if (match?.[1] !== undefined) limits[name] = match[1] === "unlimited" ? 0xffff_ffff_ffff_ffffn : BigInt(match[1]);
  }
  return limits;
}

const LIMIT_NAMES = {
  "Max cpu time": "cpu",
  "Max file size": "fsize",
  "Max data size": "data",
  "Max stack size": "stack",
  "Max core file size": "core",
  "Max resident set": "rss",
  "Max processes": "nproc",
  "Max open files": "nofile",
  "Max locked memory": "memlock",
  "Max address space": "as",
  "Max file locks": "locks",
  "Max pending signals": "sigpending",
  "Max msgqueue size": "msgqueue",
  "Max nice priority": "nice",
  "Max realtime priority": "rtprio",
  "Max realtime timeout": "rttime",
};

/** `0-3,8` as numbers. At most 8192, the kernel's own limit of CPUs. */
export function parseCpuList(text: string): number[] {
  const cpus: number[] = [];
  for (const part of text.trim().split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (match === null) continue;
    const first = Number(match[1]);
    const last = Math.min(Number(match[2] ?? match[1]), first + 8191);
    for (let cpu = first; cpu <= last; cpu++) cpus.push(cpu);
  }
  return cpus;
}

export function isMountPoint(path: string): boolean {
  return parseMountInfo(readKernelFile("/proc/self/mountinfo") ?? "").some(({ mountPoint }) => mountPoint === path);
}
