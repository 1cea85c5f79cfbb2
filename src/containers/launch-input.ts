import type { Sandbox } from "../networks/networks.ts";
import { buildEnvironment } from "../runtime/environment.ts";
import type { Supervise } from "../runtime/plan/launch-plan.ts";
import type { ContainerPlanInput, MountInput, NamespaceTarget, ResolvedUser } from "../runtime/plan/plan-input.ts";
import type { RootMount } from "../storage/snapshots/snapshots.ts";
import { type LocalMount, localMount } from "../volumes/local-mount.ts";
import { type ContainerPaths, containerPaths } from "./container-files.ts";
import type { ContainersDeps } from "./deps.ts";
import { parseLogOptions } from "./log-options.ts";
import type { NetworkMode } from "./network-mode.ts";
import type { Definition, StoredMount } from "./record.ts";

const DEFAULT_SHM_BYTES = 64 * 1024 * 1024;

/** What is gathered from the rest of the system before a container can be planned. */
export interface Gathered {
  user: ResolvedUser;
  mode: NetworkMode;
  sandbox: Sandbox | undefined;
  namespaces: ContainerPlanInput["namespaces"];
  ipc: ContainerPlanInput["ipc"];
  hostMounts?: number;
  root: RootMount;
  /** Where hostname, hosts and resolv.conf are: the container's own, or those of the one whose network it joins. */
  etc: ContainerPaths;
}

/** What of the system a plan depends on. */
export interface LaunchInputDeps extends Pick<ContainersDeps, "host" | "paths"> {
  defaults: Pick<ContainersDeps["defaults"], "cgroupParent" | "init">;
  launcher: Pick<ContainersDeps["launcher"], "exitRecordPath">;
  networks: Pick<ContainersDeps["networks"], "loopbackMessages">;
}

/** Everything that decides the plan, as a value. Pure, but for the constants in `deps`. */
export function launchInput(definition: Definition, gathered: Gathered, deps: LaunchInputDeps): ContainerPlanInput {
  const { spec, id } = definition;
  const { user, root, sandbox, mode } = gathered;
  const network = networkMessages(mode, sandbox, deps);
  return {
    id,
    host: deps.host,
    supervise: supervision(definition, gathered.namespaces.pid, deps),
    rootfs: root.kind === "overlay" ? { kind: "overlay", cwd: root.cwd, data: root.data } : root,
    rootMountPoint: deps.paths.rootMountPoint,
    namespaces: gathered.namespaces,
    ...(network === undefined ? {} : { network }),
    hostname: spec.hostname ?? "",
    domainname: spec.domainname,
    mounts: mountInputs(definition, gathered.etc),
    security: spec.security,
    resources: spec.resources,
    sysctls: spec.sysctls,
    shmSizeBytes: spec.shmSizeBytes || DEFAULT_SHM_BYTES,
    ipc: gathered.ipc,
    ...(gathered.hostMounts === undefined ? {} : { hostMounts: gathered.hostMounts }),
    oomScoreAdj: spec.oomScoreAdj,
    process: {
      argv: [definition.path, ...definition.args],
      environment: buildEnvironment({
        environment: spec.process.environment,
        hostname: spec.hostname ?? "",
        tty: spec.process.tty,
        home: user.home,
      }),
      workingDir: spec.process.workingDir || "/",
      user,
      tty: spec.process.tty,
      consoleSize: spec.consoleSize,
      init: spec.init ?? deps.defaults.init,
    },
    cgroupPath: cgroupPath(definition, deps.defaults.cgroupParent),
  };
}

export function cgroupPath({ spec, id }: Definition, defaultParent: string): string {
  return `${cgroupParent(spec.cgroupParent, defaultParent)}/${id}`;
}

/** Always below the root of the hierarchy; `..` was refused when the container was made. */
export function cgroupParent(given: string, defaultParent: string): string {
  const parent = given === "" ? defaultParent : given;
  return `/${parent.split("/").filter(Boolean).join("/")}`;
}

function supervision(
  definition: Definition,
  pid: NamespaceTarget,
  deps: Pick<LaunchInputDeps, "paths" | "launcher">,
): Supervise {
  const { spec, id } = definition;
  const limits = parseLogOptions(spec.log);
  return {
    exitRecordPath: deps.launcher.exitRecordPath(id),
    ...(limits === undefined ? {} : { log: { path: containerPaths(deps.paths.containers, id).log, ...limits } }),
    tty: spec.process.tty,
    stdin: spec.streams.openStdin,
    stdinOnce: spec.streams.openStdin && spec.streams.stdinOnce,
    // In a pid namespace of its own, every holder of the pipes dies with the first process.
    abandonOutput: pid !== "new",
  };
}

function networkMessages(
  mode: NetworkMode,
  sandbox: Sandbox | undefined,
  deps: Pick<LaunchInputDeps, "networks">,
): ContainerPlanInput["network"] {
  if (mode.kind === "network" && sandbox !== undefined)
    return { host: sandbox.hostMessages, container: sandbox.containerMessages };
  return mode.kind === "none" ? { container: deps.networks.loopbackMessages() } : undefined;
}

/** Sorted so that a mount never hides one below it; generated files only where the user mounts nothing. */
export function mountInputs({ spec, mounts }: Definition, etc: ContainerPaths): MountInput[] {
  const inputs = mounts.map(mountInput);
  for (const [destination, options] of Object.entries(spec.tmpfs)) {
    inputs.push({ kind: "tmpfs", destination, options: options.split(",").filter(Boolean), attributes: TMPFS });
  }
  const taken = new Set(inputs.map((input) => input.destination));
  const generated: [string, string][] = [
    ["/etc/resolv.conf", etc.resolvConf],
    ["/etc/hostname", etc.hostname],
    ["/etc/hosts", etc.hosts],
  ];
  for (const [destination, source] of generated) {
    if (taken.has(destination)) continue;
    inputs.push({
      kind: "bind",
      source,
      destination,
      recursive: true,
      attributes: { readOnly: spec.security.readOnlyRootfs },
      propagation: "rprivate",
    });
  }
  return inMountOrder(inputs);
}

/** A mount never hides one below it; of one place the later given is on top. */
export function inMountOrder(mounts: MountInput[]): MountInput[] {
  return mounts.sort((a, b) => depth(a.destination) - depth(b.destination) || compare(a.destination, b.destination));
}

const TMPFS = { noSuid: true, noDev: true, noExec: true };

function mountInput(mount: StoredMount): MountInput {
  if (mount.type === "tmpfs") {
    return {
      kind: "tmpfs",
      destination: mount.destination,
      options: mount.options,
      attributes: { ...TMPFS, readOnly: !mount.readWrite },
    };
  }
  const own = mount.volumeOptions === undefined ? undefined : localMount(mount.volumeOptions);
  if (own !== undefined) return volumeMount(mount, own);
  return {
    kind: "bind",
    source: mount.source,
    ...(mount.subpath === "" ? {} : { below: mount.subpath }),
    destination: mount.destination,
    recursive: mount.recursive,
    attributes: { readOnly: !mount.readWrite },
    propagation: (mount.propagation || "rprivate") as "rprivate",
  };
}

function volumeMount(mount: StoredMount, own: LocalMount): MountInput {
  return {
    kind: "volume-mount",
    volume: mount.source,
    mount: own,
    ...(mount.subpath === "" ? {} : { below: mount.subpath }),
    destination: mount.destination,
    options: own.words,
    attributes: mount.readWrite ? {} : { readOnly: true },
  };
}

function depth(path: string): number {
  return path.split("/").filter(Boolean).length;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
