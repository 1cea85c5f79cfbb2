import { at, type MountAttributes, type StagedOperation } from "./launch-plan.ts";
import type { CgroupFacts, ContainerPlanInput } from "./plan-input.ts";

const SAFE: MountAttributes = { noSuid: true, noDev: true, noExec: true };
const SHM = "/dev/shm";

/** What of the system's mounts a container may write, by its options; see moby daemon/oci_linux.go `withMounts`. */
export interface SystemMountRights {
  sysWritable: boolean;
  cgroupWritable: boolean;
}

/**
 * The file systems that every container has, in mount order, but for those over which the user mounts something else.
 * /dev is a tmpfs of its own, so that nothing of an image's /dev is ever opened.
 */
export function systemMounts(input: ContainerPlanInput, rights: SystemMountRights): StagedOperation[] {
  const replaced = new Set(input.mounts.map((mount) => mount.destination));
  const ownDev = !replaced.has("/dev");
  const operations: StagedOperation[] = [];
  const add = (target: string, fstype: string, options: string[], attributes: MountAttributes) => {
    if (!replaced.has(target)) {
      operations.push(at("enter", "mount-fs", { fstype, source: fstype, target, options, attributes }));
    }
  };
  add("/proc", "proc", [], SAFE);
  if (ownDev) {
    add("/dev", "tmpfs", ["mode=755", "size=65536k"], { noSuid: true });
    add("/dev/pts", "devpts", ["newinstance", "ptmxmode=0666", "mode=0620", "gid=5"], { noSuid: true, noExec: true });
  }
  add("/sys", "sysfs", [], { ...SAFE, readOnly: !rights.sysWritable });
  if (ownDev) {
    add("/dev/mqueue", "mqueue", [], SAFE);
    if (!replaced.has(SHM)) operations.push(...shmMount(input));
  }
  return operations;
}

function shmMount({ ipc, shmSizeBytes }: ContainerPlanInput): StagedOperation[] {
  if (ipc === "none") return [];
  if (ipc === "own") {
    const options = ["mode=1777", `size=${shmSizeBytes}`];
    return [at("enter", "mount-fs", { fstype: "tmpfs", source: "shm", target: SHM, options, attributes: SAFE })];
  }
  const source = ipc === "host" ? { source: SHM } : { source: "/", below: SHM.slice(1), from: ipc.shmOf };
  return [at("enter", "mount-bind", { ...source, target: SHM, recursive: true, attributes: SAFE })];
}

/**
 * /sys/fs/cgroup. v1: a tmpfs with the container's own directory of each hierarchy bound into it: whatever the cgroup
 * namespace, no other cgroup is in reach. v2: the file system itself, whose root the cgroup namespace sets; without such a
 * namespace the container's directory is bound.
 */
export function cgroupMounts(input: ContainerPlanInput, writable: boolean): StagedOperation[] {
  const target = "/sys/fs/cgroup";
  if (input.mounts.some((mount) => mount.destination === target || mount.destination === "/sys")) return [];
  const { cgroup } = input.host;
  const attributes: MountAttributes = { ...SAFE, relAtime: true, readOnly: !writable };
  if (cgroup.version === 1) return cgroupMountsV1(cgroup, input.cgroupPath, attributes);
  if (input.namespaces.cgroup === "new") {
    return [at("enter", "mount-fs", { fstype: "cgroup2", source: "cgroup", target, options: [], attributes })];
  }
  return [at("enter", "mount-bind", { source: cgroup.root + input.cgroupPath, target, recursive: false, attributes })];
}

function cgroupMountsV1(
  { hierarchies }: Extract<CgroupFacts, { version: 1 }>,
  path: string,
  attributes: MountAttributes,
): StagedOperation[] {
  const target = "/sys/fs/cgroup";
  const operations = [
    at("enter", "mount-fs", { fstype: "tmpfs", source: "tmpfs", target, options: ["mode=755"], attributes: SAFE }),
  ];
  const directoryOf = new Map<string, string>();
  for (const [controller, root] of Object.entries(hierarchies)) {
    const directory = root.slice(root.lastIndexOf("/") + 1);
    if (!directoryOf.has(root)) {
      directoryOf.set(root, directory);
      const place = `${target}/${directory}`;
      operations.push(at("enter", "mount-bind", { source: root + path, target: place, recursive: false, attributes }));
    }
    // `cpu,cpuacct` is also found as `cpu` and `cpuacct`.
    if (
      controller !== directory &&
      !Object.values(hierarchies).includes(`${root.slice(0, root.lastIndexOf("/"))}/${controller}`)
    ) {
      operations.push(at("enter", "make-symlink", { target: `${target}/${controller}`, linkTarget: directory }));
    }
  }
  if (attributes.readOnly) {
    operations.push(at("enter", "mount-attributes", { target, attributes: { ...SAFE, readOnly: true } }));
  }
  return operations;
}
