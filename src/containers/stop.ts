import { conflict, EngineError, messageOf } from "../base/errors.ts";
import { type Core, subjectOf } from "./core.ts";
import type { Entry } from "./entry.ts";
import { assertCan } from "./guards.ts";
import { cgroupPath } from "./launch-input.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { parseSignal, reactsTo, SIGKILL, SIGTERM } from "./signals.ts";
import { isRunning } from "./state.ts";

const DEFAULT_STOP_SECONDS = 10;
/** After SIGKILL the kernel may still be busy (a disk that does not answer); then the client is told, not kept. */
const KILL_WAIT_MS = 10_000;

export interface StopOptions {
  signal?: string;
  timeoutSeconds?: number;
}

export interface Stopper {
  stop(entry: Entry, options: StopOptions): Promise<{ changed: boolean }>;
  kill(entry: Entry, reference: string, signal: string): Promise<void>;
  /** SIGKILL, and the wait for the end. Throws unavailable when it does not come. */
  killAndWait(entry: Entry): Promise<void>;
  restart(entry: Entry, options: StopOptions): Promise<void>;
  pause(entry: Entry): Promise<void>;
  unpause(entry: Entry): Promise<void>;
}

export function createStopper(core: Core, lifecycle: Lifecycle): Stopper {
  const { deps, queue } = core;

  /** Sends the signal; a frozen task is thawed behind it, or it could not act upon it. */
  async function send(entry: Entry, signal: number): Promise<void> {
    await entry.task?.signal(signal);
    if (entry.run.state.status === "paused") await thaw(entry);
  }

  async function thaw(entry: Entry): Promise<void> {
    await deps.cgroups.thaw(cgroupPath(entry.definition, deps.defaults.cgroupParent));
    if (entry.run.state.status !== "paused") return;
    core.apply(entry, { fact: "resumed" });
    core.persist(entry);
    core.publish(entry, "unpause");
  }

  /** Whether the task has ended within the time. */
  async function ended(entry: Entry, timeoutMs: number): Promise<boolean> {
    if (!isRunning(entry.run.state) || timeoutMs <= 0) return !isRunning(entry.run.state);
    const giveUp = new AbortController();
    const stopped = entry.waiters.add("not-running", giveUp.signal).then(
      () => true,
      () => false,
    );
    if (timeoutMs === Number.POSITIVE_INFINITY) return stopped;
    const timer = deps.clock.sleep(timeoutMs, giveUp.signal).then(
      () => false,
      () => false,
    );
    const result = await Promise.race([stopped, timer]);
    giveUp.abort();
    return result || !isRunning(entry.run.state);
  }

  async function stop(entry: Entry, options: StopOptions): Promise<{ changed: boolean }> {
    const { spec } = entry.definition;
    const signal = parseSignal(options.signal || spec.stopSignal || String(SIGTERM));
    const seconds = options.timeoutSeconds ?? spec.stopTimeoutSeconds ?? DEFAULT_STOP_SECONDS;
    if (!isRunning(entry.run.state)) return { changed: false };
    deps.failpoint("stop.begin");
    markStopped(entry);
    lifecycle.cancelRestart(entry);
    if (!isRunning(entry.run.state)) return { changed: true };
    const graceMs = willIgnore(entry, signal) ? 0 : seconds < 0 ? Number.POSITIVE_INFINITY : seconds * 1000;
    await send(entry, signal);
    core.publish(entry, "kill", { signal: String(signal) });
    deps.failpoint("stop.signalled");
    if (!(await ended(entry, graceMs))) await killAndWait(entry);
    core.publish(entry, "stop");
    return { changed: true };
  }

  /** Why wait ten seconds for a process that cannot hear the signal. */
  function willIgnore(entry: Entry, signal: number): boolean {
    const { state } = entry.run;
    if (state.status !== "running" && state.status !== "paused") return false;
    const status = deps.processStatus(state.pid);
    if (status === undefined || reactsTo(status, signal)) return false;
    deps.logger.info("the container's first process has no handler for the stop signal: killing it at once", {
      container: entry.id,
      signal,
    });
    return true;
  }

  function markStopped(entry: Entry): void {
    if (entry.run.stoppedByUser) return;
    entry.run = { ...entry.run, stoppedByUser: true };
    core.persist(entry);
  }

  async function killAndWait(entry: Entry): Promise<void> {
    markStopped(entry);
    lifecycle.cancelRestart(entry);
    if (!isRunning(entry.run.state)) return;
    await send(entry, SIGKILL);
    core.publish(entry, "kill", { signal: String(SIGKILL) });
    if (await ended(entry, KILL_WAIT_MS)) return;
    throw new EngineError("internal", `tried to kill container ${entry.id}, but did not receive an exit event`);
  }

  return {
    stop,
    killAndWait,
    async kill(entry, reference, signalText) {
      const signal = parseSignal(signalText === "" ? "KILL" : signalText);
      assertCan(entry.run.state, "kill", subjectOf(entry, reference));
      if (signal === SIGKILL) return killAndWait(entry);
      // Any other signal ends the restarting only if it is the one that stops the container.
      if (signal === parseSignal(entry.definition.spec.stopSignal || String(SIGTERM))) markStopped(entry);
      await send(entry, signal);
      core.publish(entry, "kill", { signal: String(signal) });
    },
    async restart(entry, options) {
      entry.keepOnExit = true;
      try {
        await stop(entry, options);
        await queue.run(entry.id, () => Promise.resolve());
      } finally {
        entry.keepOnExit = false;
      }
      await lifecycle.start(entry);
      core.publish(entry, "restart");
    },
    pause: (entry) =>
      queue.run(entry.id, async () => {
        assertCan(entry.run.state, "pause", subjectOf(entry));
        try {
          await deps.cgroups.freeze(cgroupPath(entry.definition, deps.defaults.cgroupParent));
        } catch (error) {
          throw new EngineError("internal", `cannot pause container ${entry.id}: ${messageOf(error)}`, {
            cause: error,
          });
        }
        core.apply(entry, { fact: "paused" });
        core.persist(entry);
        core.publish(entry, "pause");
      }),
    unpause: (entry) =>
      queue.run(entry.id, async () => {
        assertCan(entry.run.state, "unpause", subjectOf(entry));
        try {
          await thaw(entry);
        } catch (error) {
          throw conflict(`cannot unpause container ${entry.id}: ${messageOf(error)}`, { cause: error });
        }
      }),
  };
}
