import { existsSync, mkdtempSync, openSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "../test/harness/run-program.ts";
import { until } from "../test/harness/until.ts";
import { type Peer, pidsWhere } from "./peer.ts";

const DOCKERD = "/usr/sbin/dockerd";
const CLI = "/usr/bin/docker";
const BRIDGE = "dockerbench0";
const CGROUP_PARENT = "/dockerbench";

/** Why Docker cannot be measured here, or undefined. */
export function whyNoDocker(): string | undefined {
  if (!existsSync(DOCKERD) || !existsSync(CLI)) return "docker.io is not installed";
  const running = pidsWhere((text) => /(^|\/)dockerd\b/.test(text.split(" ")[0] ?? ""));
  return running.length > 0 ? "another dockerd is running, and its firewall rules would be shared" : undefined;
}

/** Debian's dockerd with a containerd of its own, on its own directories and bridge. Its traces on the host go with `stop`. */
export async function startDocker(): Promise<Peer> {
  const directory = mkdtempSync(join(tmpdir(), "gantry-bench-docker-"));
  const socket = join(directory, "docker.sock");
  const firewall = await runProgram(["nft", "list", "ruleset"]);
  await runProgram(["ip", "link", "add", BRIDGE, "type", "bridge"]);
  await runProgram(["ip", "address", "add", "10.251.3.1/22", "dev", BRIDGE]);
  const log = openSync(join(directory, "dockerd.log"), "a");
  const flags = [
    "-H",
    `unix://${socket}`,
    "--data-root",
    join(directory, "data"),
    "--exec-root",
    join(directory, "exec"),
    "--pidfile",
    join(directory, "docker.pid"),
    "--bridge",
    BRIDGE,
    "--cgroup-parent",
    CGROUP_PARENT,
  ];
  const daemon = Bun.spawn([DOCKERD, ...flags], { cwd: directory, stdin: "ignore", stdout: log, stderr: log });
  const env = { DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: join(directory, "client") };
  const stop = async () => {
    daemon.kill("SIGTERM");
    const timer = setTimeout(() => daemon.kill("SIGKILL"), 20_000);
    await daemon.exited;
    clearTimeout(timer);
    await cleanHost(directory, firewall.stdout);
  };
  try {
    await until("dockerd answers", async () => (await fetch("http://localhost/_ping", { unix: socket })).ok, {
      timeoutMs: 30_000,
    });
  } catch (error) {
    await stop();
    throw error;
  }
  const { stdout } = await runProgram([CLI, "version", "-f", "{{.Server.Version}}"], { env });
  return {
    name: "docker",
    version: stdout.trim(),
    cli: [CLI],
    socket,
    env,
    daemonPids: () => pidsWhere((_text, parent, pid) => pid === daemon.pid || parent === daemon.pid),
    supervisorPids: () => pidsWhere((text) => text.includes("containerd-shim") && text.includes(directory)),
    stop,
  };
}

/** dockerd leaves a network namespace mounted, firewall chains, and cgroups. */
async function cleanHost(directory: string, firewallBefore: string): Promise<void> {
  await runProgram(["umount", join(directory, "exec/netns/default")]);
  await runProgram(["ip", "link", "delete", BRIDGE]);
  for (const table of ["nat", "filter"]) {
    if (!firewallBefore.includes(`table ip ${table} {`)) await runProgram(["nft", "delete", "table", "ip", table]);
  }
  for (const hierarchy of readdirSync("/sys/fs/cgroup")) {
    const path = join("/sys/fs/cgroup", hierarchy, CGROUP_PARENT);
    // The kernel takes a moment after the last process of a container.
    await until(`${path} is gone`, () => {
      if (existsSync(path)) rmdirSync(path);
      return true;
    });
  }
  rmSync(directory, { recursive: true, force: true });
}
