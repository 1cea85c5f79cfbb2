import { closeSync } from "node:fs";
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { createSocketPair, MAX_PASSED_DESCRIPTORS, passDescriptors } from "../../kernel/pass-descriptors.ts";
import { spawnDetached } from "../../kernel/process.ts";

/** After a launch, time for the container to get going before the next launcher is started beside it. */
const REFILL_DELAY_MS = 5;

/** Room for an ID in the process's arguments, so that `ps` shows whose launcher it is. */
const NAME_ROOM = "-".repeat(64);

export interface LauncherProcesses {
  /** Starts a launcher: `descriptors` are its plan, its listening socket, and what the plan names. The caller closes them. */
  start(id: string, descriptors: number[]): void;
  close(): void;
}

/**
 * Launchers, one of which waits ready: to start a program costs a millisecond that a container's start need not pay. The spare
 * gets its descriptors in one message; it ends when we do, for then the other end of its socket is closed.
 */
export function createLauncherProcesses(options: { executable: number; logger: Logger }): LauncherProcesses {
  const { executable, logger } = options;
  let spare: { socket: number; name: { id: string } } | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isClosed = false;

  const onExit = (name: { id: string }) => (code: number | null) => {
    if (code !== 0) logger.error("launcher ended abnormally", { id: name.id, code });
  };

  function prepare(): void {
    timer = undefined;
    if (spare !== undefined || isClosed) return;
    const [ours, theirs] = createSocketPair();
    const name = { id: "spare" };
    try {
      spawnDetached({
        argv: ["gantry-launcher", NAME_ROOM],
        executable,
        stdio: [theirs, "ignore", "ignore"],
        onExit: onExit(name),
      });
      spare = { socket: ours, name };
    } catch (error) {
      closeSync(ours);
      logger.warn("no launcher in reserve", { error: messageOf(error) });
    } finally {
      closeSync(theirs);
    }
  }

  /** False: there is none, or it is gone. */
  function useSpare(id: string, descriptors: number[]): boolean {
    if (spare === undefined || descriptors.length > MAX_PASSED_DESCRIPTORS) return false;
    const { socket, name } = spare;
    spare = undefined;
    name.id = id;
    try {
      passDescriptors(socket, Buffer.from(id), descriptors);
      return true;
    } catch (error) {
      logger.warn("the launcher in reserve is gone", { error: messageOf(error) });
      return false;
    } finally {
      closeSync(socket);
    }
  }

  function refillSoon(): void {
    timer ??= setTimeout(prepare, REFILL_DELAY_MS).unref();
  }

  return {
    start(id, descriptors) {
      refillSoon();
      if (useSpare(id, descriptors)) return;
      const [plan = 0, ...rest] = descriptors;
      spawnDetached({
        argv: ["gantry-launcher", id],
        executable,
        stdio: [plan, "ignore", "ignore", ...rest],
        onExit: onExit({ id }),
      });
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      if (spare !== undefined) closeSync(spare.socket);
      spare = undefined;
    },
  };
}
