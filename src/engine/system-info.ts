import { readdirSync, readFileSync } from "node:fs";
import { hostname, totalmem } from "node:os";
import type { HostFacts } from "../runtime/plan/plan-input.ts";
import type { DaemonConfig } from "./daemon-config.ts";
import type { SystemInfo, SystemService } from "./engine.ts";
import { backingFilesystem } from "./host-report.ts";

export interface SystemDeps {
  id: string;
  host: HostFacts;
  config: DaemonConfig;
  /** Sentences gathered at start about rights that the host lacks. */
  hostWarnings: string[];
  counts: () => Promise<SystemInfo["counts"]>;
  eventListeners: () => number;
}

/** Facts of the host never change while the daemon runs; counts are taken at each call. */
export function createSystem(deps: SystemDeps): SystemService {
  const release = parseOsRelease(readText("/etc/os-release"));
  return {
    async info(): Promise<SystemInfo> {
      const { host, config } = deps;
      const limits = limitsOf(host);
      return {
        id: deps.id,
        name: hostname(),
        counts: await deps.counts(),
        storageDriver: "overlay2",
        backingFilesystem: backingFilesystem(config.dataRoot, readText("/proc/self/mountinfo")),
        dataRoot: config.dataRoot,
        cgroupVersion: host.cgroup.version,
        kernelVersion: host.kernel.release,
        operatingSystem: release.PRETTY_NAME ?? "Linux",
        osVersion: release.VERSION_ID ?? "",
        architecture: host.architecture === "arm64" ? "aarch64" : "x86_64",
        cpuCount: host.cpuCount,
        memoryBytes: totalmem(),
        fileDescriptors: readdirSync("/proc/self/fd").length,
        liveRestore: true,
        securityOptions: securityOptions(host, config),
        warnings: [...deps.hostWarnings, ...limitWarnings(limits)],
        limits,
        registryMirrors: config.registryMirrors,
        insecureRegistries: config.insecureRegistries,
        ipv4Forwarding: readText("/proc/sys/net/ipv4/ip_forward").trim() === "1",
        eventListeners: deps.eventListeners(),
        debug: config.debug,
        labels: config.labels,
        httpProxy: process.env.HTTP_PROXY ?? process.env.http_proxy ?? "",
        httpsProxy: process.env.HTTPS_PROXY ?? process.env.https_proxy ?? "",
        noProxy: process.env.NO_PROXY ?? process.env.no_proxy ?? "",
      };
    },
  };
}

function securityOptions(host: HostFacts, config: DaemonConfig): string[] {
  return [
    ...(host.apparmor ? ["name=apparmor"] : []),
    ...(host.seccomp ? [`name=seccomp,profile=${config.seccompProfile || "builtin"}`] : []),
    ...(host.cgroup.version === 2 ? ["name=cgroupns"] : []),
    ...(config.noNewPrivileges ? ["name=no-new-privileges"] : []),
  ];
}

/** Which limits this kernel can hold: v1 by the files of the root cgroups, v2 by the controllers that are there. */
function limitsOf(host: HostFacts): SystemInfo["limits"] {
  const has = (controller: string) => host.cgroup.controllers.includes(controller);
  if (host.cgroup.version === 2)
    return {
      memory: has("memory"),
      swap: has("memory"),
      cpuCfs: has("cpu"),
      cpuShares: has("cpu"),
      cpuset: has("cpuset"),
      pids: has("pids"),
      oomKillDisable: false,
      blkio: has("io"),
    };
  const { hierarchies } = host.cgroup;
  const file = (controller: string, name: string) =>
    readText(`${hierarchies[controller] ?? "/nonexistent"}/${name}`) !== "";
  return {
    memory: has("memory"),
    swap: file("memory", "memory.memsw.limit_in_bytes"),
    cpuCfs: file("cpu", "cpu.cfs_quota_us"),
    cpuShares: file("cpu", "cpu.shares"),
    cpuset: has("cpuset"),
    pids: has("pids"),
    oomKillDisable: file("memory", "memory.oom_control"),
    blkio: has("blkio"),
  };
}

/** Docker's own words, which `docker info` prints at its end. */
function limitWarnings(limits: SystemInfo["limits"]): string[] {
  return [
    ...(limits.memory ? [] : ["WARNING: No memory limit support"]),
    ...(limits.swap ? [] : ["WARNING: No swap limit support"]),
    ...(limits.cpuCfs ? [] : ["WARNING: No cpu cfs quota support", "WARNING: No cpu cfs period support"]),
    ...(limits.cpuShares ? [] : ["WARNING: No cpu shares support"]),
    ...(limits.cpuset ? [] : ["WARNING: No cpuset support"]),
  ];
}

/** `KEY="value"` lines. @see os-release(5) */
export function parseOsRelease(text: string): Record<string, string> {
  const entries = [...text.matchAll(/^([A-Z_]+)=(?:"([^"\n]*)"|([^\n]*))$/gm)];
  return Object.fromEntries(entries.map(([, key, quoted, plain]) => [key, quoted ?? plain ?? ""]));
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
