import { messageOf } from "../base/errors.ts";
import type { Exit } from "../runtime/launcher/launcher.ts";
import type { Core } from "./core.ts";
import type { Entry } from "./entry.ts";
import { endedHealth } from "./health.ts";
import { cgroupPath } from "./launch-input.ts";
import { decideRestart } from "./restart-policy.ts";
import { errorOf, exitCodeOf } from "./state.ts";

export interface ExitActions {
  /** Starts it again after the wait, unless something else happened meanwhile. */
  restartLater(entry: Entry, delayMs: number): void;
  /** Takes it away: `--rm`. */
  remove(entry: Entry): Promise<void>;
}

/**
 * The end of a task, in the container's queue: network released, state and event, those who wait told, then what `--rm` or the
 * restart policy asks for. The launcher's exit record is forgotten only when the state is written.
 */
export async function handleExit(core: Core, entry: Entry, exit: Exit, actions: ExitActions): Promise<void> {
  const { deps } = core;
  const { state } = entry.run;
  if (state.status !== "running" && state.status !== "paused") return;
  deps.failpoint("exit.begin");
  entry.task = undefined;
  await endCgroups(core, entry);
  await releaseNetwork(core, entry);

  const ranForMs = Math.max(0, exit.finishedAt.getTime() - state.startedAt.getTime());
  const decision = decideRestart(entry.definition.spec.restart, {
    code: exit.code,
    ranForMs,
    restartCount: entry.run.restartCount,
    stoppedByUser: entry.run.stoppedByUser,
    lastBackoffMs: entry.backoffMs,
  });
  const removes = entry.definition.spec.autoRemove && !entry.keepOnExit;
  const changes = { endpoints: [], health: endedHealth(entry.run.health) };
  if (decision.restart) {
    const retryAt = new Date(deps.clock.now().getTime() + decision.delayMs);
    core.apply(entry, { fact: "restart-scheduled", exit, retryAt }, changes);
  } else {
    core.apply(entry, { fact: "exited", exit }, changes);
  }
  // A container that is about to be removed is written once, as being removed.
  if (!removes) core.persist(entry);
  core.publish(entry, "die", { exitCode: String(exit.code), execDuration: String(Math.floor(ranForMs / 1000)) });
  deps.failpoint("exit.recorded");
  core.publishVolumes(entry, "unmount");
  tellStopped(entry);
  if (removes) return actions.remove(entry);
  await forget(core, entry.id);
  if (decision.restart) actions.restartLater(entry, decision.delayMs);
}

export function tellStopped(entry: Entry): void {
  const error = errorOf(entry.run.state);
  entry.waiters.notifyStopped({ code: exitCodeOf(entry.run.state), ...(error === "" ? {} : { error }) });
}

/** The launcher has done it already, unless somebody killed the launcher: then what ran on ends here. */
export async function endCgroups({ deps }: Core, { id, definition }: Entry): Promise<void> {
  try {
    await deps.cgroups.end(cgroupPath(definition, deps.defaults.cgroupParent));
  } catch (error) {
    deps.logger.error("removing a container's cgroups", { container: id, error: messageOf(error) });
  }
}

async function releaseNetwork({ deps }: Core, entry: Entry): Promise<void> {
  for (const endpoint of entry.run.endpoints) {
    try {
      await deps.networks.detach(endpoint);
    } catch (error) {
      deps.logger.error("detaching a network", { container: entry.id, error: messageOf(error) });
    }
  }
}

/** Removes socket and exit record; what cannot be removed now is swept at the next start. */
export async function forget({ deps }: Core, id: string): Promise<void> {
  try {
    await deps.launcher.forget(id);
  } catch (error) {
    deps.logger.warn("forgetting a launcher", { id, error: messageOf(error) });
  }
}
