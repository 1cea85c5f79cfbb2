import { messageOf } from "../base/errors.ts";
import type { Sandbox } from "../networks/networks.ts";
import { LaunchError, type LaunchedTask } from "../runtime/launcher/launcher.ts";
import type { ResolvedUser } from "../runtime/plan/plan-input.ts";
import { attachNetwork } from "./attach-network.ts";
import type { Core } from "./core.ts";
import type { Entry } from "./entry.ts";
import { endCgroups } from "./exit.ts";
import { prepareEtcFiles } from "./gather.ts";
import { healthPlan, startingHealth } from "./health.ts";
import { describeLaunchError, type StartFailure, startError } from "./launch-errors.ts";
import { cgroupParent, launchInput } from "./launch-input.ts";
import { type JoinedNamespaces, joinNamespaces } from "./namespaces.ts";
import { type NetworkMode, networkMode } from "./network-mode.ts";
import type { PendingAttachment } from "./pending-attachment.ts";
import { checkPropagation } from "./propagation.ts";
import { encodeRun } from "./record.ts";
import { createBindSources } from "./resolve-mounts.ts";

export interface StartDeps {
  resolveUser: (definition: Entry["definition"], user: string, fresh: boolean) => Promise<ResolvedUser>;
  /** Called once for each task that runs, to follow it to its end. */
  follow: (entry: Entry) => void;
}

/**
 * Starts a container's task. Runs in the container's queue, in a state that allows it. On failure everything is undone, the
 * failure is recorded as Docker does, and the error is thrown in Docker's words.
 */
export async function startTask(core: Core, entry: Entry, start: StartDeps): Promise<void> {
  const { deps } = core;
  const pending = [...entry.pending];
  entry.pending.clear();
  let sandbox: Sandbox | undefined;
  let joined: JoinedNamespaces | undefined;
  try {
    const { spec } = entry.definition;
    const mode = networkMode(spec.network);
    const fresh = entry.run.state.status === "created";
    const user = await start.resolveUser(entry.definition, spec.process.user, fresh);
    createBindSources(entry.definition.mounts);
    checkPropagation(entry.definition.mounts, deps.sourceMount);
    joined = joinNamespaces(core, entry.definition);
    sandbox = await attachNetwork(deps.networks, entry.definition, mode);
    deps.failpoint("start.attached");
    const launched = await launch(core, entry, { user, mode, joined, sandbox, pending });
    deps.failpoint("start.launched");
    running(core, entry, launched, pending);
    start.follow(entry);
  } catch (error) {
    await endCgroups(core, entry);
    if (sandbox !== undefined) await detachQuietly(core, sandbox);
    for (const attachment of pending) attachment.abandon();
    throw failed(core, entry, error);
  } finally {
    for (const fd of joined?.fds ?? []) deps.closeFd(fd);
    for (const fd of sandbox?.portReservations ?? []) deps.closeFd(fd);
  }
}

interface LaunchParts {
  user: ResolvedUser;
  mode: NetworkMode;
  joined: JoinedNamespaces;
  sandbox: Sandbox | undefined;
  pending: PendingAttachment[];
}

function launch(core: Core, entry: Entry, parts: LaunchParts): Promise<LaunchedTask> {
  const { deps } = core;
  const { definition } = entry;
  const { joined, sandbox, mode, pending } = parts;
  const given = definition.spec.cgroupParent;
  if (given !== "") deps.cgroups.ensureParent(cgroupParent(given, deps.defaults.cgroupParent));
  const input = launchInput(
    definition,
    {
      user: parts.user,
      mode,
      sandbox,
      namespaces: joined.namespaces,
      ipc: joined.ipc,
      ...(joined.hostMounts === undefined ? {} : { hostMounts: joined.hostMounts }),
      root: deps.snapshots.mounts(entry.id),
      etc: prepareEtcFiles(core, entry, mode, sandbox),
    },
    deps,
  );
  const { plan, warnings } = deps.planner.container(input);
  for (const warning of warnings) deps.logger.warn(warning, { container: entry.id });
  const launching = deps.launcher.launch({
    plan,
    fds: [...joined.fds, ...(sandbox?.portReservations ?? [])],
    attachments: pending.map((attachment) => attachment.request),
  });
  // Written while the launcher works: a daemon that is killed from here on finds the task and its network again.
  persistIntent(core, entry, sandbox);
  return launching;
}

function persistIntent({ deps }: Core, entry: Entry, sandbox: Sandbox | undefined): void {
  const endpoints = sandbox === undefined ? [] : [sandbox.endpoint];
  entry.run = { ...entry.run, endpoints, bootId: deps.bootId };
  try {
    deps.records.updateRun(entry.id, encodeRun({ ...entry.run, intent: "start" }));
  } catch (error) {
    deps.logger.error("writing a container's record", { container: entry.id, error: messageOf(error) });
  }
}

function running(core: Core, entry: Entry, launched: LaunchedTask, pending: PendingAttachment[]): void {
  const { task, attachments } = launched;
  pending.forEach((attachment, index) => {
    const source = attachments[index];
    if (source === undefined) attachment.abandon();
    else attachment.connect(source);
  });
  entry.task = task;
  const isChecked = healthPlan(entry.definition.spec) !== undefined;
  core.apply(
    entry,
    { fact: "started", pid: task.pid, startTicks: task.startTicks, startedAt: task.startedAt },
    { stoppedByUser: false, health: isChecked ? startingHealth(entry.run.health) : undefined },
  );
  core.persist(entry);
  core.publishVolumes(entry, "mount");
  core.publish(entry, "start");
}

async function detachQuietly({ deps }: Core, sandbox: Sandbox): Promise<void> {
  try {
    await deps.networks.detach(sandbox.endpoint);
  } catch (error) {
    deps.logger.warn("detaching a network", { container: sandbox.endpoint.containerId, error: messageOf(error) });
  }
}

/** Records the failure; returns the error for the client. */
function failed(core: Core, entry: Entry, error: unknown): unknown {
  const failure: StartFailure =
    error instanceof LaunchError ? describeLaunchError(error, "container") : { message: messageOf(error), code: 128 };
  core.apply(
    entry,
    { fact: "start-failed", code: failure.code, error: failure.message, at: core.deps.clock.now() },
    { endpoints: [] },
  );
  core.persist(entry);
  return error instanceof LaunchError ? startError(failure, error) : error;
}
