import { at, type Propagation, type StagedOperation } from "./launch-plan.ts";
import type { MountInput } from "./plan-input.ts";

/** What the user mounts, in the order given. */
export function userMounts(mounts: readonly MountInput[]): StagedOperation[] {
  return mounts.map((mount) => {
    if (mount.kind === "tmpfs") {
      const { destination: target, options, attributes } = mount;
      return at("enter", "mount-fs", { fstype: "tmpfs", source: "tmpfs", target, options, attributes });
    }
    const { source, destination: target, recursive, attributes, propagation } = mount;
    return at("enter", "mount-bind", { source, target, recursive, attributes, propagation });
  });
}

/**
 * How the container's copy of the host's mounts is tied to the host's. Slave: the host's unmounts reach it, nothing goes back.
 * A bind that is to be shared can only be so while its source still is.
 */
export function rootPropagation(mounts: readonly MountInput[]): Propagation {
  const isShared = mounts.some(
    (mount) => mount.kind === "bind" && (mount.propagation === "shared" || mount.propagation === "rshared"),
  );
  return isShared ? "rshared" : "rslave";
}
