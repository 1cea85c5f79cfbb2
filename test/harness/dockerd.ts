import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ProgramOptions, type ProgramResult, runProgram } from "./run-program.ts";
import { until } from "./until.ts";

const DOCKERD = "/usr/sbin/dockerd";
export const DOCKER_CLI = "/usr/bin/docker";

/** Why Debian's Docker cannot run here, or undefined. */
export function whyNoDockerd(): string | undefined {
  if (!existsSync(DOCKERD) || !existsSync(DOCKER_CLI)) return "docker.io is not installed";
  return process.getuid?.() === 0 ? undefined : "dockerd needs root";
}

/** Why one with a network cannot run here, or undefined. */
export function whyNoNetworkedDockerd(): string | undefined {
  const isShared = isDockerdRunning()
    ? "another dockerd is running, and its firewall rules would be shared"
    : undefined;
  return whyNoDockerd() ?? isShared;
}

function isDockerdRunning(): boolean {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .some((pid) => /(^|\/)dockerd$/.test(commandOf(pid)[0] ?? ""));
}

function commandOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}

export interface Dockerd extends AsyncDisposable {
  socket: string;
  directory: string;
  pid: number;
  env: { DOCKER_HOST: string; DOCKER_CONFIG: string };
  /** Its own command line. */
  docker(args: string[], options?: ProgramOptions): Promise<ProgramResult>;
}

export interface DockerdOptions {
  /** Of its cgroup parent, and of its bridge. */
  name: string;
  /** Of a bridge of its own, with the length of its prefix. Absent: no bridge, and the firewall is left alone. */
  address?: string;
}

/** Debian's dockerd with a containerd of its own, on its own directories and bridge. Its traces on the host go with it. */
export async function startDockerd({ name, address }: DockerdOptions): Promise<Dockerd> {
  const directory = mkdtempSync(join(tmpdir(), `gantry-${name}-`));
  const socket = join(directory, "docker.sock");
  const firewall = await runProgram(["nft", "list", "ruleset"]);
  if (address !== undefined) {
    await runProgram(["ip", "link", "add", name, "type", "bridge"]);
    await runProgram(["ip", "address", "add", address, "dev", name]);
  }
  const network =
    address === undefined ? ["--bridge=none", "--iptables=false", "--ip6tables=false"] : ["--bridge", name];
  const log = openSync(join(directory, "dockerd.log"), "a");
  const paths = { "data-root": "data", "exec-root": "exec", pidfile: "docker.pid" };
  const own = Object.entries(paths).flatMap(([flag, path]) => [`--${flag}`, join(directory, path)]);
  const command = [DOCKERD, "-H", `unix://${socket}`, ...own, ...network, "--cgroup-parent", `/${name}`];
  const daemon = Bun.spawn(command, { cwd: directory, stdin: "ignore", stdout: log, stderr: log });
  const env = { DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: join(directory, "client") };
  const dispose = async () => {
    daemon.kill("SIGTERM");
    const timer = setTimeout(() => daemon.kill("SIGKILL"), 20_000);
    await daemon.exited;
    clearTimeout(timer);
    await cleanHost(directory, name);
    if (address !== undefined) await cleanNetwork(name, firewall.stdout);
  };
  try {
    await until("dockerd answers", async () => (await fetch("http://localhost/_ping", { unix: socket })).ok, {
      timeoutMs: 30_000,
    });
  } catch (error) {
    const tail = readFileSync(join(directory, "dockerd.log"), "utf8").slice(-2000);
    await dispose();
    throw new Error(`${String(error)}\n${tail}`);
  }
  return {
    socket,
    directory,
    pid: daemon.pid,
    env,
    docker: (args, options = {}) =>
      runProgram([DOCKER_CLI, ...args], { timeoutMs: 60_000, ...options, env: { ...env, ...options.env } }),
    [Symbol.asyncDispose]: dispose,
  };
}

/** dockerd leaves firewall chains. */
async function cleanNetwork(name: string, firewallBefore: string): Promise<void> {
  await runProgram(["ip", "link", "delete", name]);
  for (const table of ["nat", "filter"]) {
    if (!firewallBefore.includes(`table ip ${table} {`)) await runProgram(["nft", "delete", "table", "ip", table]);
  }
}

/** It leaves a network namespace mounted, and cgroups. */
async function cleanHost(directory: string, name: string): Promise<void> {
  await runProgram(["umount", join(directory, "exec/netns/default")]);
  for (const hierarchy of readdirSync("/sys/fs/cgroup")) {
    const path = join("/sys/fs/cgroup", hierarchy, name);
    // The kernel takes a moment after the last process of a container.
    await until(`${path} is gone`, () => {
      // BuildKit's containers have a group of their own within.
      for (const group of [join(path, "buildkit"), path]) if (existsSync(group)) rmdirSync(group);
      return true;
    });
  }
  rmSync(directory, { recursive: true, force: true });
}
