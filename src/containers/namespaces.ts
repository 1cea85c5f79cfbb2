import { conflict } from "../base/errors.ts";
import type { ContainerPlanInput, HostFacts, NamespaceTarget } from "../runtime/plan/plan-input.ts";
import type { Core } from "./core.ts";
import type { Entry } from "./entry.ts";
import { type NetworkMode, networkMode } from "./network-mode.ts";
import { sharesMounts } from "./propagation.ts";
import type { Definition } from "./record.ts";

/** The namespaces that a start joins or makes. `fds` are pidfds, in slot order; the caller closes them after the launch. */
export interface JoinedNamespaces {
  namespaces: ContainerPlanInput["namespaces"];
  ipc: ContainerPlanInput["ipc"];
  /** Slot of the daemon's mount namespace, where a bind is to share mounts with the host. */
  hostMounts?: number;
  fds: number[];
}

/** Resolves `container:<id>` to running containers. Throws conflict with Docker's texts; then no descriptor stays open. */
export function joinNamespaces(core: Core, { spec, mounts }: Pick<Definition, "spec" | "mounts">): JoinedNamespaces {
  const fds: number[] = [];
  const slots = new Map<string, number>();
  const join: Join = (id, why) => {
    const known = slots.get(id);
    if (known !== undefined) return { fd: known };
    fds.push(openRunning(core, id, why));
    slots.set(id, fds.length - 1);
    return { fd: fds.length - 1 };
  };
  try {
    const { namespaces } = spec;
    const mode = networkMode(spec.network);
    return {
      fds,
      namespaces: {
        net: netTarget(mode, join),
        pid: target(namespaces.pid, (id) => join(id, "PID namespace")),
        ipc: target(namespaces.ipc, (id) => join(id, "IPC namespace")),
        uts: namespaces.uts === "host" ? "host" : "new",
        cgroup: cgroupTarget(core, namespaces.cgroup, spec.security.privileged),
      },
      ipc: ipcMode(core, namespaces.ipc, join),
      ...(sharesMounts(mounts) ? { hostMounts: fds.push(core.deps.openHostMounts()) - 1 } : {}),
    };
  } catch (error) {
    for (const fd of fds) core.deps.closeFd(fd);
    throw error;
  }
}

type Join = (id: string, why: string) => { fd: number };

function netTarget(mode: NetworkMode, join: Join): NamespaceTarget {
  if (mode.kind === "host") return "host";
  return mode.kind === "container" ? join(mode.id, "network namespace") : "new";
}

function target(mode: string, join: (id: string) => NamespaceTarget): NamespaceTarget {
  if (mode === "host") return "host";
  return mode.startsWith("container:") ? join(mode.slice("container:".length)) : "new";
}

function cgroupTarget({ deps }: Core, mode: string, privileged: boolean): NamespaceTarget {
  if (mode === "private") return "new";
  return mode === "host" ? "host" : defaultCgroupNamespace(deps.host, privileged);
}

/** Docker's default: private on a v2 host, the host's on a v1 host and for privileged containers there. */
export function defaultCgroupNamespace({ cgroup }: Pick<HostFacts, "cgroup">, privileged: boolean): "new" | "host" {
  return cgroup.version === 2 && !privileged ? "new" : "host";
}

function ipcMode(core: Core, mode: string, join: Join): ContainerPlanInput["ipc"] {
  if (mode === "host" || mode === "none") return mode;
  if (!mode.startsWith("container:")) return "own";
  const entry = runningEntry(core, mode.slice("container:".length), "IPC namespace");
  const donated = entry.definition.spec.namespaces.ipc;
  if (donated === "" || donated === "private" || donated === "none") {
    throw conflict(
      `can't join IPC of container ${entry.id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
    );
  }
  return { shmOf: join(entry.id, "IPC namespace").fd };
}

function openRunning(core: Core, id: string, why: string): number {
  const { run } = runningEntry(core, id, why);
  if (run.state.status !== "running" && run.state.status !== "paused") throw conflict(`container ${id} is not running`);
  return core.deps.openPidfd(run.state.pid, run.state.startTicks);
}

function runningEntry(core: Core, id: string, why: string): Entry {
  const entry = core.index.tryFind(id);
  if (entry === undefined) throw conflict(`cannot join ${why} of a non existing container: No such container: ${id}`);
  const { status } = entry.run.state;
  if (status === "restarting") {
    throw conflict(`container ${entry.id} is restarting, wait until the container is running`);
  }
  if (status !== "running" && status !== "paused") {
    throw conflict(`cannot join ${why} of a non running container: container ${entry.id} is ${status}`);
  }
  return entry;
}
