import type { Planner, TaskCgroups } from "../containers/deps.ts";
import { pathExists } from "../kernel/proc-info.ts";
import { normalizeCapabilities } from "../runtime/capabilities.ts";
import {
  cgroupPids,
  endCgroup,
  ensureCgroupParent,
  freezeCgroup,
  thawCgroup,
} from "../runtime/cgroups/cgroup-control.ts";
import { cgroupDirectories } from "../runtime/cgroups/cgroup-operations.ts";
import { validateResources } from "../runtime/cgroups/validate-resources.ts";
import { buildContainerPlan } from "../runtime/plan/container-plan.ts";
import { buildExecPlan } from "../runtime/plan/exec-plan.ts";
import type { HostFacts } from "../runtime/plan/plan-input.ts";
import { parseSecurityOptions } from "../runtime/security-options.ts";
import { resolveUser } from "../runtime/users.ts";

const EMPTY = new Uint8Array();

/** The runtime's pure functions, as the containers ask for them. */
export function createPlanner(host: HostFacts): Planner {
  return {
    container: buildContainerPlan,
    exec: buildExecPlan,
    resolveUser: (user, { passwd, group }, groupAdd) =>
      resolveUser(user, { passwd: passwd ?? EMPTY, group: group ?? EMPTY }, groupAdd),
    validate(spec) {
      parseSecurityOptions(spec.security.securityOptions);
      normalizeCapabilities(spec.security.capAdd, "CapAdd");
      normalizeCapabilities(spec.security.capDrop, "CapDrop");
      return validateResources(spec.resources, host);
    },
  };
}

export function createTaskCgroups({ cgroup }: HostFacts): TaskCgroups {
  return {
    freeze: (path) => freezeCgroup(cgroup, path),
    thaw: async (path) => thawCgroup(cgroup, path),
    pids: (path) => cgroupPids(cgroup, path),
    ensureParent: (path) => ensureCgroupParent(cgroup, path),
    async end(path) {
      if (!cgroupDirectories(cgroup, path).some(pathExists)) return;
      await endCgroup(cgroup, path);
    },
  };
}
