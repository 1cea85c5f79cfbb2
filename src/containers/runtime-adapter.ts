import { conflict } from "../base/errors.ts";
import { openPidfd } from "../kernel/processes.ts";
import { normalizeCapabilities } from "../runtime/capabilities.ts";
import {
  cgroupPids,
  ensureCgroupParent,
  freezeCgroup,
  sweepCgroups,
  thawCgroup,
} from "../runtime/cgroups/cgroup-control.ts";
import { parseDeviceCgroupRule } from "../runtime/cgroups/device-rules.ts";
import { buildContainerPlan } from "../runtime/plan/container-plan.ts";
import { buildExecPlan } from "../runtime/plan/exec-plan.ts";
import type { CgroupFacts } from "../runtime/plan/plan-input.ts";
import { parseSecurityOptions } from "../runtime/security-options.ts";
import { resolveUser } from "../runtime/users.ts";
import type { Planner, TaskCgroups } from "./deps.ts";

const NO_FILE = new Uint8Array();

/** The runtime's pure functions in the shape that the containers need. */
export function createPlanner(): Planner {
  return {
    container: buildContainerPlan,
    exec: buildExecPlan,
    resolveUser: (user, { passwd = NO_FILE, group = NO_FILE }, groupAdd) =>
      resolveUser(user, { passwd, group }, groupAdd),
    validate({ security, resources }) {
      parseSecurityOptions(security.securityOptions);
      normalizeCapabilities(security.capAdd, "CapAdd");
      normalizeCapabilities(security.capDrop, "CapDrop");
      for (const rule of resources.deviceCgroupRules) parseDeviceCgroupRule(rule);
      return [];
    },
  };
}

export function createTaskCgroups(cgroup: CgroupFacts): TaskCgroups {
  return {
    freeze: (path) => freezeCgroup(cgroup, path),
    async thaw(path) {
      thawCgroup(cgroup, path);
    },
    pids: (path) => cgroupPids(cgroup, path),
    ensureParent: (path) => ensureCgroupParent(cgroup, path),
    async sweep(parent, keep) {
      await sweepCgroups(cgroup, parent, keep);
    },
  };
}

/** Throws conflict when that process is gone. */
export function requirePidfd(pid: number, startTicks: bigint): number {
  const fd = openPidfd(pid, startTicks);
  if (fd === undefined) throw conflict(`process ${pid} of the container is gone`);
  return fd;
}
