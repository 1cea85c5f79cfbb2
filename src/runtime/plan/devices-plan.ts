import type { RequestedDevice } from "../cgroups/device-rules.ts";
import { at, type StagedOperation } from "./launch-plan.ts";
import type { HostDevice } from "./plan-input.ts";

const NODES: [name: string, minor: number, major: number][] = [
  ["null", 3, 1],
  ["zero", 5, 1],
  ["full", 7, 1],
  ["random", 8, 1],
  ["urandom", 9, 1],
  ["tty", 0, 5],
];

const LINKS: [name: string, to: string][] = [
  ["ptmx", "pts/ptmx"],
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
  ["core", "/proc/kcore"],
];

/** Below these a host's /dev holds what a container has of its own. */
const OWN = ["/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/fd", "/dev/console", "/dev/ptmx", "/dev/tty"];

/** The nodes and links of a container's /dev. With `hostDevices` (privileged) also everything that the host has. */
export function deviceNodes(
  requested: readonly RequestedDevice[],
  hostDevices: readonly HostDevice[],
): StagedOperation[] {
  const nodes = new Map<string, StagedOperation>();
  const put = (target: string, device: Omit<HostDevice, "path">) =>
    nodes.set(target, at("enter", "make-node", { target, ...pick(device) }));
  for (const [name, minor, major] of NODES)
    put(`/dev/${name}`, { kind: "c", major, minor, mode: 0o666, uid: 0, gid: 0 });
  for (const device of hostDevices) {
    const isOwn = OWN.some((path) => device.path === path || device.path.startsWith(`${path}/`));
    if (!isOwn && !nodes.has(device.path)) put(device.path, device);
  }
  for (const device of requested) put(device.target, device);
  const links = LINKS.map(([name, linkTarget]) => at("enter", "make-symlink", { target: `/dev/${name}`, linkTarget }));
  return [...nodes.values(), ...links];
}

function pick({ kind, major, minor, mode, uid, gid }: Omit<HostDevice, "path">) {
  return { kind, major, minor, mode, uid, gid };
}
