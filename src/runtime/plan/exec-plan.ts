import { joinCgroup } from "../cgroups/cgroup-operations.ts";
import { parseSecurityOptions } from "../security-options.ts";
import type { PlannedLaunch } from "./container-plan.ts";
import { at, type StagedOperation } from "./launch-plan.ts";
import type { ExecPlanInput } from "./plan-input.ts";
import { processOperations } from "./process-plan.ts";

/** The kernel operations that start a further process in a running container. Pure. */
export function buildExecPlan(input: ExecPlanInput): PlannedLaunch {
  const warnings: string[] = [];
  const { cgroup } = input.host;
  const operations = [
    at("clone", "clone", {
      namespaces: [],
      ...(cgroup.version === 2 ? { cgroup: cgroup.root + input.cgroupPath } : {}),
    }),
    ...joinCgroup(cgroup, input.cgroupPath),
    ...enterOperations(input, warnings),
  ];
  return { plan: { id: input.id, supervise: input.supervise, operations }, warnings };
}

/** The cgroups come first: the fork into the pid namespace inherits them, and so no process of the container is ever outside. */
function enterOperations(input: ExecPlanInput, warnings: string[]): StagedOperation[] {
  const { namespaces, process, pidfd } = input;
  const [rows, columns] = process.consoleSize;
  const options = parseSecurityOptions(input.security.securityOptions);
  return [
    at("enter", "await-attend", {}),
    at("enter", "session-keyring", { name: `_ses.${input.id}` }),
    ...(namespaces.length === 0 ? [] : [at("enter", "setns", { fd: pidfd, namespaces })]),
    ...(namespaces.includes("pid") ? [at("enter", "enter-pid-namespace", {})] : []),
    ...(process.tty ? [at("enter", "terminal", { rows, columns, console: false, uid: process.user.uid })] : []),
    ...processOperations({ ...input, options, allCapabilities: input.privileged, createWorkingDir: false }, warnings),
  ];
}
