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

/** Launchers and container processes: whatever runs in the daemon's cgroups or has its directories on its command line. */
function ownProcesses({ cgroupParent, execRoot }: Territory): { pid: number; command: string }[] {
  return numericNames("/proc").flatMap((pid) => {
    const cgroup = readOr(`/proc/${pid}/cgroup`);
    const command = readOr(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
    const launcher = linkOr(`/proc/${pid}/exe`).includes("memfd:") && command.includes(execRoot);
    return cgroup.includes(`:${cgroupParent}/`) || launcher ? [{ pid: Number(pid), command }] : [];
  });
}

/** Ends every launcher and container process, as a host that goes down does. Launchers first: they must not tell of it. */
export async function killProcesses(territory: Territory): Promise<void> {
  const all = ownProcesses(territory);
  const isLauncher = ({ pid }: { pid: number }) => linkOr(`/proc/${pid}/exe`).includes("memfd:");
  for (const { pid } of [...all.filter(isLauncher), ...all.filter((one) => !isLauncher(one))]) killIfThere(pid);
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
