import { createCgroup, joinCgroup, memoryCgroup, removeCgroup } from "../cgroups/cgroup-operations.ts";
import { deviceRules, requestedDevices } from "../cgroups/device-rules.ts";
import { DEFAULT_READONLY_PATHS, defaultMaskedPaths } from "../default-paths.ts";
import { parseSecurityOptions, type SecurityOptions } from "../security-options.ts";
import { backingMounts } from "./backing-mounts.ts";
import { cgroupMounts, systemMounts } from "./default-mounts.ts";
import { deviceNodes } from "./devices-plan.ts";
import { at, type LaunchPlan, type Namespace, type StagedOperation } from "./launch-plan.ts";
import type { ContainerPlanInput, NamespaceTarget } from "./plan-input.ts";
import { oomScoreOperations, processOperations } from "./process-plan.ts";
import { rootPropagation, userMounts } from "./user-mounts.ts";

export interface PlannedLaunch {
  plan: LaunchPlan;
  /** Sentences for the user: what could not be given. */
  warnings: string[];
}

/**
 * The kernel operations that make a container, in order. Pure. Throws invalid-argument for what Docker refuses at start
 * (unknown devices, bad options).
 */
export function buildContainerPlan(input: ContainerPlanInput): PlannedLaunch {
  const warnings: string[] = [];
  const options = parseSecurityOptions(input.security.securityOptions);
  const { cgroup } = input.host;
  const operations = [
    ...prepareOperations(input),
    at("clone", "clone", {
      namespaces: clonedNamespaces(input),
      ...(cgroup.version === 2 ? { cgroup: cgroup.root + input.cgroupPath } : {}),
    }),
    ...joinCgroup(cgroup, input.cgroupPath),
    ...(input.network?.host === undefined ? [] : [at("attend", "netlink", input.network.host)]),
    ...enterOperations(input, options, warnings),
    ...removeCgroup(cgroup, input.cgroupPath, input.namespaces.pid !== "new"),
  ];
  const memory = memoryCgroup(cgroup, input.cgroupPath);
  const supervise = memory === undefined ? input.supervise : { ...input.supervise, memoryCgroup: memory };
  return { plan: { id: input.id, supervise, operations }, warnings };
}

function prepareOperations(input: ContainerPlanInput): StagedOperation[] {
  const { host, cgroupPath, resources } = input;
  const rules = input.security.privileged ? undefined : deviceRules(resources, requestedDevices(resources, host));
  return createCgroup(host, cgroupPath, resources, rules);
}

/** The cgroup namespace is not among them: its root is where its maker stands, so the child makes it once it is in place. */
function clonedNamespaces({ namespaces }: ContainerPlanInput): Namespace[] {
  const own = (["pid", "net", "ipc", "uts"] as const).filter((name) => namespaces[name] === "new");
  return [...own, "mnt"];
}

function enterOperations(input: ContainerPlanInput, options: SecurityOptions, warnings: string[]): StagedOperation[] {
  const { privileged, readOnlyRootfs } = input.security;
  const propagation = rootPropagation(input.mounts);
  // Another's pid namespace means one more fork, whose child inherits the cgroups: they must be joined before it.
  const joinsPid = isJoined(input.namespaces.pid);
  const attended = [at("enter", "await-attend", {}), ...cgroupNamespace(input)];
  return [
    at("enter", "session-keyring", { name: `_ses.${input.id}` }),
    ...(joinsPid ? attended : []),
    ...joinedNamespaces(input),
    // Slave: the host's unmounts still reach the container's copy of its mounts; nothing goes back.
    at("enter", "root-propagation", { propagation: "rslave" }),
    ...backingMounts(input),
    ...rootMount(input),
    ...systemMounts(input, { sysWritable: privileged && !readOnlyRootfs, cgroupWritable: privileged }),
    ...ownDevices(input),
    // Until here the child works beside the launcher, which meanwhile joins cgroups and moves the network device.
    ...(joinsPid ? [] : attended),
    ...cgroupMounts(input, privileged || options.writableCgroups),
    ...userMounts(input),
    ...(input.network === undefined ? [] : [at("enter", "netlink", input.network.container)]),
    ...Object.entries(input.sysctls).map(([key, value]) => at("enter", "sysctl", { key, value })),
    ...hiddenPaths(input, options),
    ...names(input),
    at("enter", "pivot-root", propagation === undefined ? {} : { propagation }),
    ...terminal(input),
    ...(readOnlyRootfs ? [at("enter", "root-attributes", { attributes: { readOnly: true } })] : []),
    ...oomScoreOperations(input.oomScoreAdj, input.host, warnings),
    ...processOperations({ ...input, options, allCapabilities: false, createWorkingDir: true }, warnings),
  ];
}

function isJoined(target: NamespaceTarget): target is { fd: number } {
  return typeof target === "object";
}

function cgroupNamespace({ namespaces }: ContainerPlanInput): StagedOperation[] {
  return namespaces.cgroup === "new" ? [at("enter", "unshare", { namespaces: ["cgroup"] })] : [];
}

function joinedNamespaces({ namespaces }: ContainerPlanInput): StagedOperation[] {
  const operations: StagedOperation[] = [];
  for (const [name, target] of Object.entries(namespaces) as [Namespace, NamespaceTarget][]) {
    if (isJoined(target)) operations.push(at("enter", "setns", { fd: target.fd, namespaces: [name] }));
  }
  if (isJoined(namespaces.pid)) operations.push(at("enter", "enter-pid-namespace", {}));
  return operations;
}

function rootMount({ rootfs, rootMountPoint }: ContainerPlanInput): StagedOperation[] {
  const mount =
    rootfs.kind === "overlay"
      ? at("enter", "mount-overlay", { cwd: rootfs.cwd, target: rootMountPoint, data: rootfs.data })
      : at("enter", "mount-bind-root", { source: rootfs.source, target: rootMountPoint });
  return [mount, at("enter", "open-root", { path: rootMountPoint })];
}

/** Nothing where the user mounts a /dev of his own. */
function ownDevices({ mounts, resources, host, security }: ContainerPlanInput): StagedOperation[] {
  if (mounts.some((mount) => mount.destination === "/dev")) return [];
  return deviceNodes(requestedDevices(resources, host), security.privileged ? host.listDevices() : []);
}

function hiddenPaths({ security, host }: ContainerPlanInput, options: SecurityOptions): StagedOperation[] {
  if (security.privileged || options.unconfinedSystemPaths) return [];
  const masked = security.maskedPaths ?? defaultMaskedPaths(host.thermalThrottleCpus);
  const readonly = security.readonlyPaths ?? DEFAULT_READONLY_PATHS;
  return [
    ...readonly.map((target) => at("enter", "readonly-path", { target })),
    ...masked.map((target) => at("enter", "mask-path", { target })),
  ];
}

/** A uts namespace that is shared keeps its names. */
function names({ hostname, domainname, namespaces }: ContainerPlanInput): StagedOperation[] {
  if (namespaces.uts !== "new") return [];
  return [
    ...(hostname === "" ? [] : [at("enter", "hostname", { name: hostname })]),
    ...(domainname === "" ? [] : [at("enter", "domainname", { name: domainname })]),
  ];
}

function terminal({ process }: ContainerPlanInput): StagedOperation[] {
  if (!process.tty) return [];
  const [rows, columns] = process.consoleSize;
  return [at("enter", "terminal", { rows, columns, console: true, uid: process.user.uid })];
}
