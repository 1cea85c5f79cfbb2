import { at, type StagedOperation } from "./launch-plan.ts";
import type { MountInput } from "./plan-input.ts";

/** What the user mounts, in the order given. */
export function userMounts(mounts: readonly MountInput[], warnings: string[]): StagedOperation[] {
  return mounts.map((mount) => {
    if (mount.kind === "tmpfs") {
      const { destination: target, options, attributes } = mount;
      return at("enter", "mount-fs", { fstype: "tmpfs", source: "tmpfs", target, options, attributes });
    }
    const { source, destination: target, recursive, attributes, propagation } = mount;
    if (propagation === "shared" || propagation === "rshared") {
      warnings.push(`What the container mounts below ${target} is not seen by the host.`);
    }
    return at("enter", "mount-bind", { source, target, recursive, attributes, propagation });
  });
}
