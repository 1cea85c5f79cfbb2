import { normalize } from "node:path/posix";
import { invalid } from "../../base/errors.ts";
import { at, type MountAttributes, type StagedOperation } from "./launch-plan.ts";
import type { MountInput } from "./plan-input.ts";

/** Words of `--tmpfs` that are said of the mount, not of the file system. */
const ATTRIBUTES: Record<string, MountAttributes> = {
  ro: { readOnly: true },
  rw: { readOnly: false },
  suid: { noSuid: false },
  nosuid: { noSuid: true },
  dev: { noDev: false },
  nodev: { noDev: true },
  exec: { noExec: false },
  noexec: { noExec: true },
  noatime: { noAtime: true },
  relatime: { relAtime: true },
  // Accepted for compatibility, without effect on a tmpfs.
  atime: {},
  strictatime: {},
  norelatime: {},
  diratime: {},
  nodiratime: {},
  async: {},
  sync: {},
  defaults: {},
};

/** Files of /proc over which others may lie, as lxcfs does. @see runc `checkProcMount` */
const REPLACEABLE = new Set(
  "cpuinfo diskstats meminfo stat swaps uptime loadavg slabinfo net/dev sys/kernel/ns_last_pid sys/crypto/fips_enabled"
    .split(" ")
    .map((name) => `/proc/${name}`),
);

/** What the user mounts, in the order given. Throws invalid-argument for a mount over /proc or in it. */
export function userMounts(mounts: readonly MountInput[], warnings: string[]): StagedOperation[] {
  return mounts.map((mount) => {
    refuseFakeProc(mount);
    if (mount.kind === "tmpfs") return tmpfsMount(mount);
    const { source, destination: target, recursive, attributes, propagation } = mount;
    if (propagation === "shared" || propagation === "rshared") {
      warnings.push(`What the container mounts below ${target} is not seen by the host.`);
    }
    return at("enter", "mount-bind", { source, target, recursive, attributes, propagation });
  });
}

/** A word of the options beats the default attributes, a later word an earlier one. */
function tmpfsMount(mount: Extract<MountInput, { kind: "tmpfs" }>): StagedOperation {
  const attributes = { ...mount.attributes };
  const options: string[] = [];
  for (const option of mount.options) {
    const attribute = ATTRIBUTES[option];
    if (attribute === undefined) options.push(option);
    else Object.assign(attributes, attribute);
  }
  const target = mount.destination;
  return at("enter", "mount-fs", { fstype: "tmpfs", source: "tmpfs", target, options, attributes });
}

/** Nothing but a real /proc is mounted there: a process that trusts it could be led to write elsewhere (CVE-2019-19921). */
function refuseFakeProc(mount: MountInput): void {
  const destination = normalize(`/${mount.destination}/`).slice(0, -1);
  if (destination === "/proc" && mount.kind === "bind" && mount.source === "/proc") return;
  if (destination !== "/proc" && !destination.startsWith("/proc/")) return;
  if (REPLACEABLE.has(destination)) return;
  throw invalid(`"${mount.destination}" cannot be mounted because it is inside /proc`);
}
