import { existsSync, readdirSync, readFileSync, readlinkSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { runProgram } from "./run-program.ts";
import { until } from "./until.ts";

/** What a daemon of a test may leave on the host: where to look for it. */
export interface Territory {
  directory: string;
  execRoot: string;
  dataRoot: string;
  bridge: string;
  /** Absolute, below each hierarchy's root. */
  cgroupParent: string;
  /** The process that is its daemon now. */
  pid(): number;
}

const SETTLE_MS = 3000;

/**
 * Everything that containers left behind, as sentences; none when all is well. To be asked when no container exists. The kernel takes
 * its time to dismantle a network namespace and its links: what is gone within three seconds is no leak.
 */
export async function findLeaks(territory: Territory): Promise<string[]> {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const leaks = await look(territory);
    if (leaks.length === 0 || performance.now() > deadline) return leaks;
    await Bun.sleep(20);
  }
}

async function look(territory: Territory): Promise<string[]> {
  return [
    ...mounts(territory),
    ...(await links(territory)),
    ...cgroupDirectories(territory),
    ...processes(territory),
    ...directories(territory),
    ...(await firewallElements(territory)),
  ];
}

function mounts({ directory }: Territory): string[] {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  return lines.filter((line) => line.includes(`${directory}/`)).map((line) => `mount left: ${line.split(" ")[4]}`);
}

async function links({ bridge }: Territory): Promise<string[]> {
  const { stdout } = await runProgram(["ip", "-o", "link", "show", "master", bridge]);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => `link left on ${bridge}: ${line.split(":")[1]?.trim()}`);
}

const CGROUP_ROOT = "/sys/fs/cgroup";

function hierarchies(): string[] {
  if (existsSync(join(CGROUP_ROOT, "cgroup.controllers"))) return [CGROUP_ROOT];
  return readdirSync(CGROUP_ROOT).map((name) => join(CGROUP_ROOT, name));
}

function cgroupDirectories({ cgroupParent }: Territory): string[] {
  return hierarchies().flatMap((hierarchy) => {
    const parent = join(hierarchy, cgroupParent);
    if (!existsSync(parent)) return [];
    const children = readdirSync(parent, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return children.map((entry) => `cgroup left: ${join(parent, entry.name)}`);
  });
}

function processes(territory: Territory): string[] {
  return ownProcesses(territory).map(({ pid, command }) => `process left: ${pid} ${command}`);
}

/** Whatever runs in the daemon's cgroups, and launchers: the daemon's children, or those with a log file of its containers. */
function ownProcesses(territory: Territory): { pid: number; command: string }[] {
  return numericNames("/proc").flatMap((pid) => {
    const isOurs =
      readOr(`/proc/${pid}/cgroup`).includes(`:${territory.cgroupParent}/`) || isOwnLauncher(pid, territory);
    return isOurs ? [{ pid: Number(pid), command: commandLine(pid) }] : [];
  });
}

function isLauncher(pid: string | number): boolean {
  return linkOr(`/proc/${pid}/exe`).startsWith("/memfd:gantry-launcher");
}

/** One waits in reserve for the next start; it has no ID yet. */
function isOwnLauncher(pid: string, territory: Territory): boolean {
  if (!isLauncher(pid) || /^gantry-launcher -+$/.test(commandLine(pid))) return false;
  const parent = /^PPid:\s*(\d+)$/m.exec(readOr(`/proc/${pid}/status`))?.[1];
  const files = namesOr(`/proc/${pid}/fd`).map((fd) => linkOr(`/proc/${pid}/fd/${fd}`));
  return Number(parent) === territory.pid() || files.some((file) => file.startsWith(`${territory.directory}/`));
}

function commandLine(pid: string): string {
  return readOr(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
}

/** Ends every launcher and container process, as a host that goes down does. Launchers first: they must not tell of it. */
export async function killProcesses(territory: Territory): Promise<void> {
  const all = ownProcesses(territory);
  for (const { pid } of all.toSorted((a, b) => Number(isLauncher(b.pid)) - Number(isLauncher(a.pid)))) killIfThere(pid);
  await until("every process has ended", () => ownProcesses(territory).length === 0);
}

function directories({ execRoot, dataRoot }: Territory): string[] {
  const left = (folder: string) =>
    existsSync(folder) ? readdirSync(folder).map((name) => `file left: ${join(folder, name)}`) : [];
  return [...left(join(execRoot, "launchers")), ...left(join(dataRoot, "containers"))];
}

/** Published ports are elements of the daemon's nft maps; with no container there is none. */
async function firewallElements({ bridge }: Territory): Promise<string[]> {
  const { stdout } = await runProgram(["nft", "-s", "list", "table", "inet", `gantry-${bridge}`]);
  const published = stdout.matchAll(/map (\S+) \{[^}]*?elements = \{([^}]*)\}/g);
  return [...published].map((match) => `nft element left in ${match[1]}: ${match[2]?.trim()}`);
}

/** Ends whatever still runs in the daemon's cgroups, and removes them: for a test that failed half way. */
export async function removeCgroups({ cgroupParent }: Territory): Promise<void> {
  for (const hierarchy of hierarchies()) {
    const parent = join(hierarchy, cgroupParent);
    if (!existsSync(parent)) continue;
    const children = readdirSync(parent, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    for (const directory of [...children.map((entry) => join(parent, entry.name)), parent]) {
      const pids = readOr(join(directory, "cgroup.procs"))
        .split("\n")
        .filter((line) => line !== "");
      for (const pid of pids) killIfThere(Number(pid));
      await until(`${directory} is empty`, () => readOr(join(directory, "cgroup.procs")) === "");
      rmdirSync(directory);
    }
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself in between.
  }
}

function numericNames(folder: string): string[] {
  return readdirSync(folder).filter((name) => /^\d+$/.test(name));
}

function namesOr(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function linkOr(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
