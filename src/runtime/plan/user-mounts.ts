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

/** What the user mounts, in the order given. */
export function userMounts(mounts: readonly MountInput[], warnings: string[]): StagedOperation[] {
  return mounts.map((mount) => {
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
