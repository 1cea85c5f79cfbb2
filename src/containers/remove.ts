import { conflict, EngineError, messageOf } from "../base/errors.ts";
import { containerPaths, removeContainerDirectory } from "./container-files.ts";
import { type Core, subjectOf } from "./core.ts";
import type { Entry } from "./entry.ts";
import { forget } from "./exit.ts";
import { assertCan } from "./guards.ts";
import { releaseMounts } from "./resolve-mounts.ts";
import { exitCodeOf, isRunning } from "./state.ts";

export interface RemoveOptions {
  force: boolean;
  volumes: boolean;
}

/** `docker rm`. `kill` ends a running container and returns when it has ended. */
export async function removeContainer(
  core: Core,
  reference: string,
  options: RemoveOptions,
  kill: (entry: Entry) => Promise<void>,
): Promise<void> {
  const entry = core.index.find(reference);
  if (entry.removing !== undefined) throw conflict(`removal of container ${reference} is already in progress`);
  if (!options.force) assertCan(entry.run.state, "remove", subjectOf(entry, reference));
  for (;;) {
    if (isRunning(entry.run.state)) await killFirst(entry, kill);
    // With --rm the end of the task has removed it already, or is about to.
    if (entry.removing !== undefined) return entry.removing;
    const isDone = await core.queue.run(entry.id, async () => {
      // A start that was under way has come first.
      if (isRunning(entry.run.state)) return false;
      await takeAway(core, entry, { discardVolumes: options.volumes });
      return true;
    });
    if (isDone) return;
    if (!options.force) assertCan(entry.run.state, "remove", subjectOf(entry, reference));
  }
}

async function killFirst(entry: Entry, kill: (entry: Entry) => Promise<void>): Promise<void> {
  try {
    await kill(entry);
  } catch (error) {
    const text = `cannot remove container "/${entry.definition.spec.name}": could not kill: ${messageOf(error)}`;
    throw new EngineError("internal", text, { cause: error });
  }
}

/**
 * Takes a stopped container away, in its queue. First the record says so, so that a daemon that is killed goes on with it; the
 * name stays taken until the end. Throws what failed; the container is `dead` then and can be removed again.
 */
export async function takeAway(core: Core, entry: Entry, options: { discardVolumes: boolean }): Promise<void> {
  if (!core.index.has(entry.id)) return;
  if (entry.removing !== undefined) return entry.removing;
  entry.removing = removeAll(core, entry, options);
  try {
    await entry.removing;
  } finally {
    entry.removing = undefined;
  }
}

async function removeAll(core: Core, entry: Entry, options: { discardVolumes: boolean }): Promise<void> {
  const { deps, index } = core;
  const code = exitCodeOf(entry.run.state);
  entry.retry?.abort();
  if (entry.run.state.status !== "removing") core.apply(entry, { fact: "removal-began" });
  entry.run = { ...entry.run, intent: options.discardVolumes ? "remove-with-volumes" : "none" };
  core.persist(entry);
  deps.failpoint("remove.begin");
  try {
    await deps.snapshots.remove(entry.id);
    removeContainerDirectory(containerPaths(deps.paths.containers, entry.id));
    await releaseMounts(entry.definition.mounts, entry.id, deps, { discardAnonymous: options.discardVolumes });
  } catch (error) {
    core.apply(entry, { fact: "removal-failed", reason: messageOf(error) });
    core.persist(entry);
    entry.waiters.notifyRemoved({ code, error: messageOf(error) });
    throw error;
  }
  deps.failpoint("remove.record");
  try {
    deps.records.delete(entry.id);
  } catch (error) {
    // The next daemon finds a container that is being removed and finishes it.
    deps.logger.error("deleting a container's record", { container: entry.id, error: messageOf(error) });
  }
  index.delete(entry);
  deps.images.release(entry.definition.imageId);
  for (const attachment of entry.pending) attachment.abandon();
  core.publish(entry, "destroy");
  entry.waiters.notifyRemoved({ code });
  // Nobody waits for these; without a record the next daemon sweeps them.
  await Promise.all([entry.id, ...entry.execs.keys()].map((id) => forget(core, id)));
}
