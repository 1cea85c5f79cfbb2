import { at, type StagedOperation } from "../plan/launch-plan.ts";
import type { CgroupFacts, HostFacts, ResourcesSpec } from "../plan/plan-input.ts";
import { deviceProgram } from "./device-program.ts";
import { type DeviceRule, formatDeviceRule } from "./device-rules.ts";
import { type LimitWrite, limitsV1 } from "./limits-v1.ts";
import { limitsV2 } from "./limits-v2.ts";

/** The container's directory in each hierarchy, once each (`cpu` and `cpuacct` may share one). v2: exactly one. */
export function cgroupDirectories(cgroup: CgroupFacts, path: string): string[] {
  if (cgroup.version === 2) return [cgroup.root + path];
  return [...new Set(Object.values(cgroup.hierarchies))].map((root) => root + path);
}

/**
 * Makes the container's cgroup and its limits. `devices` undefined: all devices, as the parent has them. v2: before the clone,
 * for the child is born in it. v1: beside it, a dozen system calls that the child's mounts need not wait for.
 */
export function createCgroup(
  host: HostFacts,
  path: string,
  resources: ResourcesSpec,
  devices: readonly DeviceRule[] | undefined,
): StagedOperation[] {
  const operations = cgroupDirectories(host.cgroup, path).map((directory) =>
    at(creationStage(host.cgroup), "mkdir", { path: directory, mode: 0o755 }),
  );
  for (const { path: file, data } of limitWrites(host, path, resources)) {
    operations.push(at(creationStage(host.cgroup), "write-file", { path: file, data }));
  }
  if (devices !== undefined) operations.push(...deviceOperations(host.cgroup, path, devices));
  return operations;
}

function creationStage(cgroup: CgroupFacts): "prepare" | "attend" {
  return cgroup.version === 2 ? "prepare" : "attend";
}

/** The same limits as absolute files, for `update` of a running container too. What this kernel lacks is left out. */
export function limitWrites(host: HostFacts, path: string, resources: ResourcesSpec): { path: string; data: string }[] {
  const { cgroup } = host;
  const writes = cgroup.version === 1 ? limitsV1(resources, host) : limitsV2(resources, host);
  const possible = writes.filter(({ file }) => cgroup.controlFiles.has(file));
  return possible.flatMap((write) => {
    const directory = controllerDirectory(cgroup, write);
    return directory === undefined ? [] : [{ path: `${directory}${path}/${write.file}`, data: write.data }];
  });
}

function controllerDirectory(cgroup: CgroupFacts, { controller }: LimitWrite): string | undefined {
  if (cgroup.version === 1) return cgroup.hierarchies[controller];
  return cgroup.controllers.includes(controller) ? cgroup.root : undefined;
}

function deviceOperations(cgroup: CgroupFacts, path: string, rules: readonly DeviceRule[]): StagedOperation[] {
  if (cgroup.version === 2) {
    return [at("prepare", "device-program", { path: cgroup.root + path, instructions: deviceProgram(rules) })];
  }
  const root = cgroup.hierarchies["devices"];
  if (root === undefined) return [];
  const write = (file: string, data: string) => at("attend", "write-file", { path: `${root}${path}/${file}`, data });
  return [write("devices.deny", "a"), ...rules.map((rule) => write("devices.allow", formatDeviceRule(rule)))];
}

/** v1: the launcher moves the waiting child into each hierarchy. v2: nothing, it is born there. */
export function joinCgroup(cgroup: CgroupFacts, path: string): StagedOperation[] {
  if (cgroup.version === 2) return [];
  return cgroupDirectories(cgroup, path).map((directory) =>
    at("attend", "write-child-pid", { path: `${directory}/cgroup.procs` }),
  );
}

/** Ends what may be left (`kill`: where no pid namespace of its own did) and removes the directories. */
export function removeCgroup(cgroup: CgroupFacts, path: string, kill: boolean): StagedOperation[] {
  const directories = cgroupDirectories(cgroup, path);
  const [first] = directories;
  const operations: StagedOperation[] = [];
  if (kill && first !== undefined) {
    const killable = cgroup.version === 1 ? (cgroup.hierarchies["pids"] ?? cgroup.hierarchies["freezer"]) : cgroup.root;
    const directory = killable === undefined ? first : killable + path;
    operations.push(at("cleanup", "kill-cgroup", { version: cgroup.version, path: directory }));
  }
  for (const directory of directories) operations.push(at("cleanup", "rmdir", { path: directory }));
  return operations;
}

/** Where the kernel counts OOM kills of this container; undefined without a memory controller. */
export function memoryCgroup(cgroup: CgroupFacts, path: string): { version: 1 | 2; path: string } | undefined {
  const root = cgroup.version === 2 ? cgroup.root : cgroup.hierarchies["memory"];
  if (root === undefined || !cgroup.controllers.includes("memory")) return undefined;
  return { version: cgroup.version, path: root + path };
}
