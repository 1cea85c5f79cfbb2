import { invalid } from "../../base/errors.ts";
import { resolveCapabilities } from "../capabilities.ts";
import { seccompFilter } from "../seccomp/seccomp-filter.ts";
import type { SecurityOptions } from "../security-options.ts";
import { at, type StagedOperation } from "./launch-plan.ts";
import type { ContainerPlanInput, HostFacts, ResourcesSpec, SecuritySpec } from "./plan-input.ts";

const DEFAULT_UMASK = 0o022;
const UNLIMITED = 0xffff_ffff_ffff_ffffn;
const RLIMITS = new Set(
  "as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(" "),
);

export interface ProcessRequest {
  host: HostFacts;
  process: ContainerPlanInput["process"];
  security: SecuritySpec;
  options: SecurityOptions;
  resources: ResourcesSpec;
  /** `exec --privileged`: all capabilities for this process alone; the seccomp filter stays the container's. */
  allCapabilities: boolean;
  createWorkingDir: boolean;
}

/**
 * From "inside the container as root" to the program itself. A filter needs CAP_SYS_ADMIN or no_new_privs: without the latter
 * it is put on just before the capabilities go, with it as the last step. So a profile need not allow what comes before.
 */
export function processOperations(request: ProcessRequest, warnings: string[]): StagedOperation[] {
  const { process, options, host, security } = request;
  const { uid, gid, groups } = process.user;
  const { granted, missing } = resolveCapabilities(security, host.boundingCapabilities);
  for (const name of missing) warnings.push(`The daemon lacks ${name}; it was not added.`);
  const bits = request.allCapabilities ? host.boundingCapabilities : granted;
  const filter = seccompOperations(request, granted, warnings);
  const credentials = at("enter", "credentials", { uid, gid, groups, umask: DEFAULT_UMASK });
  const capabilities = at("enter", "capabilities", {
    bounding: bits,
    permitted: bits,
    effective: bits,
    inheritable: 0n,
    ambient: 0n,
  });
  return [
    ...rlimitOperations(request.resources, host, warnings),
    at("enter", "chdir", { path: process.workingDir || "/", create: request.createWorkingDir }),
    ...(options.noNewPrivileges
      ? [at("enter", "no-new-privileges", {}), credentials, capabilities, ...filter]
      : [credentials, ...filter, capabilities]),
    ...(process.init ? [at("enter", "init", {})] : []),
    at("enter", "exec", { argv: process.argv, env: process.environment }),
  ];
}

function seccompOperations(
  { options, security, host }: ProcessRequest,
  granted: bigint,
  warnings: string[],
): StagedOperation[] {
  if (security.privileged || options.seccomp === "unconfined") return [];
  if (!host.seccomp) {
    if (options.seccomp !== "builtin") {
      throw invalid("seccomp is not enabled in your kernel, cannot run a custom seccomp profile");
    }
    warnings.push("Seccomp is not enabled in your kernel, running container without default profile.");
    return [];
  }
  const profile = options.seccomp === "builtin" ? undefined : options.seccomp.profile;
  const { filter, flags } = seccompFilter(profile, { capabilities: granted, host });
  return filter.length === 0 ? [] : [at("enter", "seccomp", { filter, flags })];
}

/** Only what was asked for: the rest stays the daemon's own. */
function rlimitOperations({ ulimits }: ResourcesSpec, host: HostFacts, warnings: string[]): StagedOperation[] {
  return ulimits.map(({ name, soft, hard }) => {
    const resource = name.toLowerCase();
    if (!RLIMITS.has(resource)) throw invalid(`invalid ulimit type: ${name}`);
    const limits = { soft: limitValue(soft), hard: limitValue(hard) };
    const own = host.hardLimits[resource];
    const optional = !host.canRaiseLimits && own !== undefined && limits.hard > own;
    if (optional)
      warnings.push(`The daemon may not raise the limit ${resource} above ${own}; it is not set to ${hard}.`);
    return at("enter", "rlimit", { resource, ...limits, optional });
  });
}

function limitValue(value: number): bigint {
  return value < 0 ? UNLIMITED : BigInt(value);
}

/** Nothing where the daemon's own value is inherited anyway. */
export function oomScoreOperations(value: number, host: HostFacts, warnings: string[]): StagedOperation[] {
  if (value === host.oomScoreAdj) return [];
  const optional = !host.canRaiseLimits && value < host.oomScoreAdj;
  if (optional) warnings.push(`The daemon may not lower oom_score_adj to ${value}.`);
  return [at("enter", "oom-score-adj", { value, optional })];
}
