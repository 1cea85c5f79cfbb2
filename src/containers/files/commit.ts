import { EngineError, messageOf } from "../../base/errors.ts";
import type { ExecutionConfig } from "../../images/import/changes.ts";
import type { FileWorkers } from "../../storage/snapshots/file-workers.ts";
import type { ContainerSpec } from "../container-spec.ts";
import type { Core } from "../core.ts";
import type { Entry } from "../entry.ts";
import { cgroupPath } from "../launch-input.ts";
import { mergeImage } from "../merge-image.ts";
import { executionConfig, imageConfigOf } from "./commit-config.ts";
import type { CommitOptions } from "./files.ts";
import { layerJob } from "./mount-stubs.ts";
import { assertThere } from "./view.ts";

interface Commit extends CommitOptions {
  workers: FileWorkers;
}

/** `docker commit`: an image on top of the container's. One at a time for each container. */
export function commitContainer(core: Core, entry: Entry, options: Commit): Promise<string> {
  const { deps, queue } = core;
  const { comment, author, repository, tag, changes, signal } = options;
  return queue.run(`commit of ${entry.id}`, async () => {
    assertThere(core, entry, "commit");
    const { spec, imageId } = entry.definition;
    const { id, reference } = await deps.images.commit({
      base: imageId,
      config: commitConfig(spec, options.config),
      changes,
      createdBy: (spec.process.command ?? []).join(" "),
      comment,
      author,
      repository,
      tag,
      layer: () => readLayer(core, entry, options),
      signal,
    });
    core.publish(entry, "commit", { comment, imageID: id, imageRef: reference });
    return id;
  });
}

function commitConfig(spec: ContainerSpec, given: ContainerSpec | undefined): ExecutionConfig {
  return executionConfig(given === undefined ? spec : mergeImage(given, imageConfigOf(spec)));
}

/** The container is frozen while its changes are read, and not longer. */
async function* readLayer(core: Core, entry: Entry, options: Commit): AsyncGenerator<Uint8Array> {
  const paused = options.pause && (await pause(core, entry));
  try {
    const { stream } = await options.workers.pack(layerJob(core, entry, "layer"), options.signal);
    yield* stream;
    assertThere(core, entry, "commit");
  } catch (error) {
    // Its files went away under us: that it is being removed tells more than which of them was the first.
    assertThere(core, entry, "commit");
    throw error;
  } finally {
    if (paused) await resume(core, entry);
  }
}

/** The record says so before it is done: a daemon that is killed in between must not leave it frozen. False: nothing runs. */
function pause(core: Core, entry: Entry): Promise<boolean> {
  const { deps, queue } = core;
  return queue.run(entry.id, async () => {
    if (entry.run.state.status !== "running") return false;
    entry.run = { ...entry.run, intent: "commit" };
    core.persist(entry);
    try {
      await deps.cgroups.freeze(cgroupPath(entry.definition, deps.defaults.cgroupParent));
    } catch (error) {
      entry.run = { ...entry.run, intent: "none" };
      core.persist(entry);
      throw new EngineError("internal", `cannot pause container ${entry.id}: ${messageOf(error)}`, { cause: error });
    }
    core.apply(entry, { fact: "paused" });
    core.persist(entry);
    core.publish(entry, "pause");
    deps.failpoint("commit.paused");
    return true;
  });
}

/** It may have been stopped, or resumed by somebody, meanwhile. */
function resume(core: Core, entry: Entry): Promise<void> {
  return core.queue.run(entry.id, async () => {
    if (entry.run.intent !== "commit") return;
    await endPause(core, entry);
    if (entry.run.state.status === "running") core.publish(entry, "unpause");
  });
}

/** Thaws a container that a commit has frozen, also one that an earlier daemon left so. */
export async function endPause(core: Core, entry: Entry): Promise<void> {
  const { deps } = core;
  const { status } = entry.run.state;
  if (status === "running" || status === "paused") {
    await deps.cgroups.thaw(cgroupPath(entry.definition, deps.defaults.cgroupParent));
  }
  if (status === "paused") core.apply(entry, { fact: "resumed" });
  entry.run = { ...entry.run, intent: "none" };
  core.persist(entry);
}
