import { conflict } from "../base/errors.ts";
import { createAttacher } from "./attach.ts";
import type { Container, Containers } from "./containers.ts";
import { createCore, subjectOf } from "./core.ts";
import { createContainer } from "./create.ts";
import type { ContainersDeps } from "./deps.ts";
import { createExecs } from "./exec.ts";
import { createFiles } from "./files/create-files.ts";
import { assertCan } from "./guards.ts";
import { watchHealth } from "./health-monitor.ts";
import { createLifecycle } from "./lifecycle.ts";
import { listContainers } from "./list.ts";
import { openLogs } from "./logs/open-logs.ts";
import { pruneContainers } from "./prune.ts";
import { recover } from "./recover.ts";
import { removeContainer } from "./remove.ts";
import { renameContainer } from "./rename.ts";
import { createStopper } from "./stop.ts";
import { topOf } from "./top.ts";
import { sizesOf, viewOf } from "./view.ts";
import { waitFor } from "./wait.ts";

/** The containers, and what the rest of the engine needs to know of them. */
export interface ContainersService extends Containers {
  /** Once, before anything else: brings records, tasks and directories into agreement after whatever happened. */
  recover(): Promise<void>;
  /** Containers that stand on an image: it cannot be removed from under them. */
  usersOfImage(imageId: string): { id: string; running: boolean }[];
  counts(): { running: number; paused: number; stopped: number };
  /** Stops following; containers go on. */
  close(): void;
}

export function createContainers(deps: ContainersDeps): ContainersService {
  const core = createCore(deps);
  const { index } = core;
  const lifecycle = createLifecycle(core, (entry) => watchHealth(core, execs, entry));
  const stopper = createStopper(core, lifecycle);
  const execs = createExecs(core, lifecycle.resolveUser);
  const attacher = createAttacher(core);

  return {
    create: (spec) => createContainer(core, spec),
    start: (reference) => lifecycle.start(index.find(reference)),
    stop: (reference, options) => stopper.stop(index.find(reference), options),
    restart: (reference, options) => stopper.restart(index.find(reference), options),
    kill: (reference, signal) => stopper.kill(index.find(reference), reference, signal),
    pause: (reference) => stopper.pause(index.find(reference)),
    unpause: (reference) => stopper.unpause(index.find(reference)),
    rename: (reference, name) => renameContainer(core, reference, name),
    remove: (reference, options) => {
      if (options.link) throw conflict("Conflict, cannot remove the default link name of the container");
      return removeContainer(core, reference, options, (entry) => stopper.killAndWait(entry));
    },
    prune: (filters) => pruneContainers(core, filters),
    wait: (reference, condition, signal) => waitFor(index.find(reference), condition, signal),
    async get(reference, options = {}): Promise<Container> {
      const entry = index.find(reference);
      const view = viewOf(entry, deps);
      return options.size === true ? { ...view, sizes: await sizesOf(entry, deps) } : view;
    },
    list: (options) => listContainers(core, options),
    attach: (reference, request) => attacher.attach(index.find(reference), request),
    logs: (reference, request, signal) => openLogs(core, index.find(reference), request, signal),
    async resize(reference, rows, columns) {
      const entry = index.find(reference);
      assertCan(entry.run.state, "resize", subjectOf(entry, reference));
      await entry.task?.resize(rows, columns);
      core.publish(entry, "resize", { height: String(rows), width: String(columns) });
    },
    top: (reference, psArguments) => topOf(core, reference, psArguments),
    createExec: async (reference, spec) => execs.create(index.find(reference), spec),
    startExec: (id, options) => execs.start(id, options),
    getExec: async (id) => execs.get(id),
    execEnded: (id) => execs.ended(id),
    resizeExec: (id, rows, columns) => execs.resize(id, rows, columns),
    ...createFiles(core, lifecycle.resolveUser),

    recover: () => recover(core, lifecycle, execs),
    usersOfImage(imageId) {
      const users = [];
      for (const { id, definition, run } of index.all()) {
        if (definition.imageId !== imageId) continue;
        users.push({ id, running: run.state.status === "running" || run.state.status === "paused" });
      }
      for (const [id, creating] of core.creating) if (creating === imageId) users.push({ id, running: false });
      return users;
    },
    counts() {
      const counts = { running: 0, paused: 0, stopped: 0 };
      for (const { run } of index.all()) {
        const { status } = run.state;
        if (status === "running" || status === "restarting") counts.running++;
        else if (status === "paused") counts.paused++;
        else counts.stopped++;
      }
      return counts;
    },
    close() {
      for (const entry of index.all()) {
        entry.retry?.abort();
        entry.probing?.abort();
      }
    },
  };
}
