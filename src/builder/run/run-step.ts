import { EngineError, invalid, messageOf } from "../../base/errors.ts";
import { renderEtcFiles } from "../../containers/etc-files.ts";
import { describeLaunchError, errorWords } from "../../containers/launch-errors.ts";
import type { UserFiles } from "../../containers/user-files.ts";
import type { Sandbox } from "../../networks/networks.ts";
import {
  type Attachment,
  type AttachRequest,
  LaunchError,
  type LaunchedTask,
} from "../../runtime/launcher/launcher.ts";
import type { LaunchPlan } from "../../runtime/plan/launch-plan.ts";
import type { ResourcesSpec } from "../../runtime/plan/plan-input.ts";
import type { OpContext } from "../executor.ts";
import type { RunOp } from "../graph.ts";
import type { TreeResult } from "../results.ts";
import type { RunnerDeps } from "./deps.ts";
import type { OpenedMounts } from "./mounts/opened-mounts.ts";
import { sourceNotFound } from "./mounts/source-digest.ts";
import { RunFailedError } from "./run-failed.ts";
import { StepOutput } from "./step-output.ts";
import { stepPlanInput } from "./step-plan-input.ts";

const SIGKILL = 9;
const OUTPUT: AttachRequest = { stdin: false, stdout: true, stderr: true };
/** On a connection of its own: that the command reads no more breaks it, and the output must not break with it. */
const INPUT: AttachRequest = { stdin: true, stdout: false, stderr: false };
/** BuildKit's, so that a Dockerfile that prints it builds the same. */
const DEFAULT_HOSTNAME = "buildkitsandbox";
/** Where a step without an address of its own finds itself by its name, as with BuildKit. */
const NO_NETWORK = { ipAddress: "127.0.0.1", gateway: "" };
/** Mount points of every step, beside its own. */
const SYSTEM_MOUNT_POINTS = ["/proc", "/sys", "/dev", "/etc/resolv.conf", "/etc/hostname", "/etc/hosts"];

/** A step that has its mounts and its network, and is to run in an active snapshot. */
export interface ReadyStep {
  /** Names task, cgroup and endpoint. */
  id: string;
  op: RunOp;
  base: TreeResult;
  context: OpContext;
  opened: OpenedMounts;
  devices: ResourcesSpec["devices"];
  sandbox: Sandbox | undefined;
}

export interface StepDeps extends RunnerDeps {
  userFiles: (key: string, unchanged: string | undefined) => Promise<UserFiles>;
}

/**
 * Runs the step's command in the active snapshot `key` to its end; nothing of it is left but what it wrote. Returns the mount points
 * that were made in the layer. Throws RunFailedError where the command failed, the signal's reason where the build was cancelled:
 * the command was killed then.
 */
export async function runStep(key: string, step: ReadyStep, deps: StepDeps): Promise<{ stubs: string[] }> {
  const { id, context, opened } = step;
  const output = new StepOutput({ vertex: context.vertex, report: context.report, now: () => deps.clock.now() });
  const points = [...SYSTEM_MOUNT_POINTS, ...opened.mounts.map(({ destination }) => destination)];
  const stubs = deps.snapshots.mountPoints(key, points);
  const { plan, cgroupPath } = await planStep(key, step, deps);
  deps.failpoint("build.planned");
  context.signal.throwIfAborted();
  try {
    const launched = await launch(plan, step, output, deps);
    deps.failpoint("build.running");
    await finish(launched, step, output, deps);
  } finally {
    await deps.launcher.forget(id);
    await deps.cgroups.end(cgroupPath);
  }
  return { stubs };
}

async function planStep(
  key: string,
  step: ReadyStep,
  deps: StepDeps,
): Promise<{ plan: LaunchPlan; cgroupPath: string }> {
  const { id, op, base, context, sandbox, opened, devices } = step;
  const user = deps.planner.resolveUser(op.user, await deps.userFiles(key, base.chainId), []);
  const hostname = op.hostname || DEFAULT_HOSTNAME;
  const etc = renderEtcFiles(
    {
      hostname,
      domainname: "",
      extraHosts: op.extraHosts,
      dns: { servers: [], search: [], options: [] },
      endpoint: sandbox?.endpoint ?? NO_NETWORK,
      hostNetwork: op.network === "host",
    },
    deps,
  );
  const root = deps.snapshots.mounts(key);
  const { resources } = context;
  const planned = { id, op, resources, user, root, sandbox, hostname, etc: etc.texts, opened, devices };
  const input = stepPlanInput(planned, deps);
  const { plan, warnings } = deps.planner.container(input);
  for (const warning of [...etc.warnings, ...warnings]) deps.logger.debug(warning, { step: context.name });
  return { plan, cgroupPath: input.cgroupPath };
}

async function launch(
  plan: LaunchPlan,
  { op, context: { vertex, name }, sandbox }: ReadyStep,
  output: StepOutput,
  { launcher, logger }: StepDeps,
): Promise<LaunchedTask> {
  logger.debug("running a build step", { vertex, step: name });
  try {
    return await launcher.launch({
      plan,
      fds: sandbox?.portReservations ?? [],
      attachments: op.stdin === undefined ? [OUTPUT] : [OUTPUT, INPUT],
    });
  } catch (error) {
    throw error instanceof LaunchError ? launchFailure(error, op, output) : error;
  }
}

/** The plan is not kept as the error's cause: secrets are in it. */
function launchFailure(error: LaunchError, { argv, mounts }: RunOp, output: StepOutput): EngineError {
  const { operation, code, message } = error;
  if (operation?.op === "exec" || operation?.op === "chdir") {
    const failure = describeLaunchError(error, "container");
    output.write(2, Buffer.from(`${failure.message}\n`));
    return new RunFailedError({ argv, exitCode: failure.code, outOfMemory: false, output: output.tail });
  }
  if (operation?.op === "mount-bind" && operation.rooted === true && message.startsWith("beneath ")) {
    if (code === "ENOENT" || code === "ENOTDIR") return sourceNotFound(operation.below ?? "");
    return invalid(`${JSON.stringify(`/${operation.below}`)}: ${errorWords(code)}`);
  }
  const isMount = operation?.op === "mount-bind" || operation?.op === "mount-fs";
  if (isMount && mounts.some(({ mount }) => mount.target === operation.target)) {
    return invalid(`mounting at ${JSON.stringify(operation.target)}: ${errorWords(code)}`);
  }
  return new EngineError("internal", describeLaunchError(error, "container").message);
}

/** Input in, output out, and the end awaited: of the task itself, and of what it wrote. */
async function finish(
  { task, attachments }: LaunchedTask,
  { op, context: { signal } }: ReadyStep,
  output: StepOutput,
  { logger }: StepDeps,
): Promise<void> {
  const [written, input] = attachments as [Attachment, Attachment?];
  const kill = () => {
    task.signal(SIGKILL).catch((error: unknown) => logger.error("killing a build step", { error: messageOf(error) }));
  };
  signal.addEventListener("abort", kill, { once: true });
  if (signal.aborted) kill();
  try {
    input?.end(op.stdin);
    const [exit] = await Promise.all([task.exited, output.follow(written)]);
    signal.throwIfAborted();
    if (exit.code === 0) return;
    throw new RunFailedError({
      argv: op.argv,
      exitCode: exit.code,
      outOfMemory: exit.oomKilled && exit.signal === SIGKILL,
      output: output.tail,
    });
  } finally {
    signal.removeEventListener("abort", kill);
    for (const attachment of attachments) attachment.destroy();
  }
}
