import { messageOf } from "../base/errors.ts";
import type { Exit } from "../runtime/launcher/launcher.ts";
import { type Core, subjectOf } from "./core.ts";
import type { Entry } from "./entry.ts";
import { handleExit, tellStopped } from "./exit.ts";
import { createUserResolver } from "./gather.ts";
import { assertCan } from "./guards.ts";
import { takeAway } from "./remove.ts";
import { startTask } from "./start.ts";

export interface Lifecycle {
  start(entry: Entry): Promise<{ changed: boolean }>;
  /** Follows a task that runs: its end is handled in the container's queue. */
  follow(entry: Entry): void;
  /** The end of a task that nobody followed: found at the start of the daemon. */
  exited(entry: Entry, exit: Exit): Promise<void>;
  restartLater(entry: Entry, delayMs: number): void;
  /** Ends the wait before a restart; the container is exited then. */
  cancelRestart(entry: Entry): void;
  resolveUser: ReturnType<typeof createUserResolver>;
}

/** Starting and ending of tasks: the circle of start, follow, exit and restart. `onRunning`: once for each task that runs. */
export function createLifecycle(core: Core, onRunning: (entry: Entry) => void): Lifecycle {
  const { deps, queue } = core;
  const resolveUser = createUserResolver(core);

  function follow(entry: Entry): void {
    const { task } = entry;
    if (task === undefined) return;
    task.onOutOfMemory(() => core.publish(entry, "oom"));
    onRunning(entry);
    task.exited
      .then((exit) => queue.run(entry.id, async () => entry.task === task && (await exited(entry, exit))))
      .catch((error: unknown) =>
        deps.logger.error("handling the end of a container", { container: entry.id, error: messageOf(error) }),
      );
  }

  function exited(entry: Entry, exit: Exit): Promise<void> {
    return handleExit(core, entry, exit, {
      restartLater,
      remove: (ended) => takeAway(core, ended, { discardVolumes: true }),
    });
  }

  async function startNow(entry: Entry): Promise<void> {
    try {
      await startTask(core, entry, { resolveUser, follow });
    } catch (error) {
      tellStopped(entry);
      if (entry.definition.spec.autoRemove) await takeAway(core, entry, { discardVolumes: true });
      throw error;
    }
  }

  function restartLater(entry: Entry, delayMs: number): void {
    const retry = new AbortController();
    entry.retry = retry;
    entry.backoffMs = delayMs;
    deps.clock
      .sleep(delayMs, retry.signal)
      .then(() => queue.run(entry.id, () => restartNow(entry, retry)))
      .catch((error: unknown) => {
        if (retry.signal.aborted) return;
        deps.logger.error("restarting a container", { container: entry.id, error: messageOf(error) });
      });
  }

  async function restartNow(entry: Entry, retry: AbortController): Promise<void> {
    if (retry.signal.aborted || entry.run.state.status !== "restarting") return;
    entry.retry = undefined;
    entry.run = { ...entry.run, restartCount: entry.run.restartCount + 1 };
    await startNow(entry);
  }

  function cancelRestart(entry: Entry): void {
    entry.retry?.abort();
    entry.retry = undefined;
    if (entry.run.state.status !== "restarting") return;
    core.apply(entry, { fact: "restart-cancelled" }, { stoppedByUser: true });
    core.persist(entry);
    tellStopped(entry);
  }

  return {
    follow,
    exited,
    restartLater,
    cancelRestart,
    resolveUser,
    start: (entry) =>
      queue.run(entry.id, async () => {
        const { status } = entry.run.state;
        if (status === "running" || status === "restarting") return { changed: false };
        assertCan(entry.run.state, "start", subjectOf(entry));
        entry.backoffMs = 0;
        entry.run = { ...entry.run, restartCount: 0 };
        await startNow(entry);
        return { changed: true };
      }),
  };
}
