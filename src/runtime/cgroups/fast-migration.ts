import { favourDynamicModifications } from "../../kernel/cgroup-dynmods.ts";
import { isMountPoint } from "../../kernel/proc-info.ts";
import type { HostFacts } from "../plan/plan-input.ts";

/**
 * On v1 each start and each exec moves a process into its cgroups; this takes the 10 ms out of it. v2 needs nothing, tasks are
 * born where they belong. `directory`: a place of the daemon's own, where a hierarchy may stay mounted. Idempotent.
 */
export function enableFastMigration({ cgroup, kernel }: HostFacts, directory: string): boolean {
  if (cgroup.version === 2 || isMountPoint(directory)) return true;
  const sticky = kernel.major > 6 || (kernel.major === 6 && kernel.minor >= 18);
  return favourDynamicModifications(directory, { sticky });
}
