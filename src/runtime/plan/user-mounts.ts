import { normalize } from "node:path/posix";
import { invalid } from "../../base/errors.ts";
import { at, type MountAttributes, type Propagation, type StagedOperation } from "./launch-plan.ts";
import type { ContainerPlanInput, MountInput } from "./plan-input.ts";

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
export function userMounts({
  mounts,
  hostMounts,
}: Pick<ContainerPlanInput, "mounts" | "hostMounts">): StagedOperation[] {
  return mounts.map((mount) => {
    refuseFakeProc(mount);
    if (mount.kind === "tmpfs") return tmpfsMount(mount);
    if (mount.kind === "volume-mount") return volumeMount(mount);
    const { source, below, rooted, destination: target, recursive, attributes, propagation } = mount;
    // The child's copies of the host's mounts are slaves: a copy that mounts go back from is taken from the host's own.
    const place = {
      ...(below === undefined ? {} : { below }),
      ...(rooted === true ? { rooted } : {}),
      ...(isShared(propagation) && hostMounts !== undefined ? { from: hostMounts } : {}),
    };
    return at("enter", "mount-bind", { source, ...place, target, recursive, attributes, propagation });
  });
}

function isShared(propagation: Propagation): boolean {
  return propagation === "shared" || propagation === "rshared";
}

/**
 * What the root is to be: a mount from which mounts go back to the host wants a shared root, as with Docker, so that binds of it
 * that the container makes go on sharing. undefined: private, as it was made.
 */
export function rootPropagation(mounts: readonly MountInput[]): Propagation | undefined {
  return mounts.some((mount) => mount.kind === "bind" && isShared(mount.propagation)) ? "shared" : undefined;
}

/** A word of the options beats the default attributes, a later word an earlier one. */
function tmpfsMount(mount: Extract<MountInput, { kind: "tmpfs" }>): StagedOperation {
  const { options, attributes } = splitOptions(mount.options, mount.attributes);
  const target = mount.destination;
  return at("enter", "mount-fs", { fstype: "tmpfs", source: "tmpfs", target, options, attributes });
}

function splitOptions(words: readonly string[], given: MountAttributes) {
  const attributes = { ...given };
  const options: string[] = [];
  for (const option of words) {
    const attribute = ATTRIBUTES[option];
    if (attribute === undefined) options.push(option);
    else Object.assign(attributes, attribute);
  }
  return { options, attributes };
}

/** A read-only mount of a volume stays so whatever the volume's own options say. */
function volumeMount(input: Extract<MountInput, { kind: "volume-mount" }>): StagedOperation {
  const { mount, volume, below, destination: target } = input;
  const split = splitOptions(input.options, {});
  const attributes = { ...split.attributes, ...input.attributes };
  if (mount.kind === "bind") {
    const { source, recursive } = mount;
    const place = below === undefined ? {} : { below };
    return at("enter", "mount-bind", {
      source,
      ...place,
      target,
      recursive,
      attributes,
      propagation: "rprivate",
      volume,
    });
  }
  if (below !== undefined) throw invalid(`volume ${volume}: a subpath of a file system of its own is not supported`);
  const { fstype, source } = mount;
  return at("enter", "mount-fs", { fstype, source, target, options: split.options, attributes, volume });
}

/** Nothing but a real /proc is mounted there: a process that trusts it could be led to write elsewhere (CVE-2019-19921). */
function refuseFakeProc(mount: MountInput): void {
  const destination = normalize(`/${mount.destination}/`).slice(0, -1);
  if (destination === "/proc" && mount.kind === "bind" && mount.source === "/proc") return;
  if (destination !== "/proc" && !destination.startsWith("/proc/")) return;
  if (REPLACEABLE.has(destination)) return;
  throw invalid(`"${mount.destination}" cannot be mounted because it is inside /proc`);
}
