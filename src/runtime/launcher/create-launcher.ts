import { closeSync, readFileSync } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { errnoName } from "../../kernel/errno.ts";
import { createMemfd, createSealedMemfd } from "../../kernel/memfd.ts";
import { openPidfd, type ProcessName, signalPidfd } from "../../kernel/process.ts";
import { listenUnix } from "../../kernel/unix-socket.ts";
import { encodePlan } from "../plan/encode-plan.ts";
import { connectLauncher } from "./connection.ts";
import { parseExitRecord } from "./exit-record.ts";
import { encodeEvents, type LauncherEvent } from "./frames.ts";
import { createTask, openAttachment } from "./launched-task.ts";
import { type Adoption, type Exit, LaunchError, type Launcher, type LaunchRequest, type Task } from "./launcher.ts";
import { createLauncherProcesses } from "./spare-launcher.ts";
import { TaskConnection } from "./task-connection.ts";

/** As many connections as a launcher serves. */
const BACKLOG = 64;
/** A launcher that accepts but does not answer is stopped or broken. */
const ADOPT_TIMEOUT_MS = 5000;
/** Docker's code for a task whose end nobody saw. */
const UNKNOWN_EXIT_CODE = 137;
const SIGKILL = 9;
const ECHILD = 10;

export interface LauncherOptions {
  /** Directory of sockets and exit records; made with mode 0700 if missing. */
  runDir: string;
  /** The launcher program: `build/launcher`. */
  binaryPath: string;
  logger: Logger;
}

export async function createLauncher({ runDir, binaryPath, logger }: LauncherOptions): Promise<Launcher> {
  await mkdir(runDir, { recursive: true, mode: 0o700 });
  const executable = createSealedMemfd("gantry-launcher", readFileSync(binaryPath));
  const processes = createLauncherProcesses({ executable, logger });
  const socketPath = (id: string) => join(runDir, `${id}.sock`);
  const exitRecordPath = (id: string) => join(runDir, `${id}.exit`);

  async function readExit(id: string): Promise<Exit | undefined> {
    const text = await readFile(exitRecordPath(id), "utf8").catch(() => "");
    return parseExitRecord(text);
  }

  function taskOf(id: string, connection: TaskConnection, started: Extract<LauncherEvent, { type: "started" }>): Task {
    return createTask({
      id,
      socketPath: socketPath(id),
      connection,
      started,
      async exitAfterLoss() {
        const exit = await readExit(id);
        if (exit !== undefined) return exit;
        // Somebody killed the launcher. Nobody reads the task's output or will learn its end, so it may not go on.
        logger.error("launcher ended without an exit record", { id });
        killTask(started);
        return { code: UNKNOWN_EXIT_CODE, signal: SIGKILL, oomKilled: false, finishedAt: new Date() };
      },
    });
  }

  /** Spawns the launcher with the plan as its input. Only the calls here know its descriptors. */
  function spawn(request: LaunchRequest, listener: number): void {
    const bytes = encodePlan(request.plan, {
      awaitedClients: request.attachments.length + 1,
      fdCount: request.fds.length,
    });
    const plan = createMemfd("launch-plan", bytes);
    try {
      processes.start(request.plan.id, [plan, listener, ...request.fds]);
    } finally {
      closeSync(plan);
    }
  }

  async function launch(request: LaunchRequest) {
    const { id } = request.plan;
    const path = socketPath(id);
    const listener = listenUnix(path, BACKLOG);
    const opened: { destroy(): void }[] = [];
    try {
      const connecting = request.attachments.map((attach) => openAttachment(path, attach));
      const events = connectLauncher(path, encodeEvents());
      // Settled one by one, so that whatever did connect is closed again if another did not.
      const results = await Promise.allSettled([events, ...connecting]);
      for (const result of results) if (result.status === "fulfilled") opened.push(result.value);
      const [socket, attachments] = [await events, await Promise.all(connecting)];
      const connection = new TaskConnection(socket);
      const outcome = startOutcome(connection, request, logger);
      spawn(request, listener);
      closeSync(listener);
      const started = await outcome;
      connection.unref();
      return { task: taskOf(id, connection, started), attachments };
    } catch (error) {
      for (const one of opened) one.destroy();
      await forget(id);
      throw error;
    }
  }

  async function adopt(id: string): Promise<Adoption> {
    const exit = await readExit(id);
    if (exit !== undefined) return { state: "exited", exit };
    const adopted = await adoptRunning(id).catch((error: unknown) => {
      logger.debug("no launcher to adopt", { id, error: messageOf(error) });
      return undefined;
    });
    if (adopted !== undefined) return { state: "running", task: adopted };
    const late = await readExit(id);
    return late === undefined ? { state: "unknown" } : { state: "exited", exit: late };
  }

  async function adoptRunning(id: string): Promise<Task | undefined> {
    const connection = new TaskConnection(await connectLauncher(socketPath(id), encodeEvents()));
    const started = await firstStart(connection);
    if (started === undefined) {
      connection.destroy();
      return undefined;
    }
    connection.unref();
    return taskOf(id, connection, started);
  }

  async function forget(id: string): Promise<void> {
    await Promise.all([rm(socketPath(id), { force: true }), rm(exitRecordPath(id), { force: true })]);
  }

  return {
    launch,
    adopt,
    forget,
    exitRecordPath,
    async list() {
      const ids = new Set<string>();
      for (const name of await readdir(runDir)) {
        const match = /^(.+)\.(sock|exit)$/.exec(name);
        if (match?.[1] !== undefined) ids.add(match[1]);
      }
      return [...ids];
    },
    close() {
      processes.close();
      closeSync(executable);
    },
  };
}

function killTask(name: ProcessName): void {
  const pidfd = openPidfd(name);
  if (pidfd === undefined) return;
  try {
    signalPidfd(pidfd, SIGKILL);
  } finally {
    closeSync(pidfd);
  }
}

/** Resolves when the launcher says `started`; rejects with LaunchError on `failed`, or when it ends before either. */
function startOutcome(
  connection: TaskConnection,
  request: LaunchRequest,
  logger: Logger,
): Promise<Extract<LauncherEvent, { type: "started" }>> {
  const operationAt = (index: number | undefined) => (index === undefined ? undefined : request.plan.operations[index]);
  return new Promise((resolve, reject) => {
    connection.onEvent((event) => {
      if (event.type === "started") resolve(event);
      if (event.type === "failed") reject(launchError(event, operationAt(event.operation)));
      if (event.type === "warning") {
        const op = operationAt(event.operation)?.op;
        logger.warn("optional operation failed", { id: request.plan.id, op, code: errnoName(event.errno) });
      }
    });
    void connection.closed.then(() => {
      reject(new LaunchError("the launcher ended before it started the task", { errno: ECHILD, code: "ECHILD" }));
    });
  });
}

function launchError(
  { errno, detail }: Extract<LauncherEvent, { type: "failed" }>,
  operation: LaunchRequest["plan"]["operations"][number] | undefined,
): LaunchError {
  const code = errnoName(errno);
  const fields = { errno, code };
  return new LaunchError(detail, operation === undefined ? fields : { operation, ...fields });
}

/** `started` of an adopted launcher; undefined if it is gone, has failed, or says nothing. */
function firstStart(connection: TaskConnection): Promise<Extract<LauncherEvent, { type: "started" }> | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), ADOPT_TIMEOUT_MS);
    connection.onEvent((event) => {
      if (event.type === "started" || event.type === "failed") {
        clearTimeout(timer);
        resolve(event.type === "started" ? event : undefined);
      }
    });
    void connection.closed.then(() => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
}
