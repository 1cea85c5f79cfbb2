import type { Duplex } from "node:stream";
import type { LaunchPlan } from "../plan/launch-plan.ts";

/** How a task ended. `code` is what `docker wait` prints: the exit status, or 128 + signal. */
export interface Exit {
  code: number;
  /** The signal that killed it, else 0. */
  signal: number;
  oomKilled: boolean;
  finishedAt: Date;
}

export interface AttachRequest {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
}

/**
 * One client's view of a task's streams, straight from the launcher. Reading yields Docker's 8-byte frames (`stdcopy`), or raw
 * bytes where the task has a terminal; it ends when the task's output has ended. Writing is the task's input; `end()` is the
 * half-close. Each attachment has its own flow control: a client that does not read holds the task back, as with Docker.
 */
export type Attachment = Duplex;

export interface LaunchRequest {
  plan: LaunchPlan;
  /** Descriptors that the plan's FdSlots name, in order. The caller closes them after the promise settles. */
  fds: number[];
  /** Connected before the task's first instruction, so that not a byte is missed. */
  attachments: AttachRequest[];
}

export interface LaunchedTask {
  task: Task;
  attachments: Attachment[];
}

/** A running task under a launcher. Outlives the daemon. */
export interface Task {
  id: string;
  /** In the daemon's pid namespace. */
  pid: number;
  /** Clock ticks since boot, field 22 of /proc/pid/stat: with `pid`, names the process for ever. */
  startTicks: bigint;
  startedAt: Date;
  exited: Promise<Exit>;
  attach(request: AttachRequest): Promise<Attachment>;
  resize(rows: number, columns: number): Promise<void>;
  /** Sent by the launcher, which still holds the zombie: the pid cannot be another's. False: it had ended already. */
  signal(signal: number): Promise<boolean>;
  closeStdin(): Promise<void>;
  /** Called at each OOM kill in the task's cgroup. */
  onOutOfMemory(listener: () => void): void;
}

/** A launch that did not reach the program. `operation` is the plan's, `errno` the kernel's answer. */
export class LaunchError extends Error {
  readonly operation: LaunchPlan["operations"][number] | undefined;
  readonly errno: number;
  readonly code: string;
  constructor(message: string, fields: { operation?: LaunchPlan["operations"][number]; errno: number; code: string }) {
    super(message);
    this.name = "LaunchError";
    this.operation = fields.operation;
    this.errno = fields.errno;
    this.code = fields.code;
  }
}

/** What a restarted daemon finds of a task that an earlier one launched. */
export type Adoption = { state: "running"; task: Task } | { state: "exited"; exit: Exit } | { state: "unknown" };

/**
 * Starts launchers and finds them again. The binary is sealed into a memfd when the value is made; always that copy runs.
 * Life of a task: `launch` (listen on `<runDir>/<id>.sock`, connect the attachments, spawn, wait for `started` or `failed`)
 * → `Task.exited` → `forget` removes the socket and the exit record.
 */
export interface Launcher {
  /** Throws LaunchError. Nothing is left behind then. */
  launch(request: LaunchRequest): Promise<LaunchedTask>;
  adopt(id: string): Promise<Adoption>;
  /** IDs that have a socket or an exit record in the run directory. */
  list(): Promise<string[]>;
  forget(id: string): Promise<void>;
  exitRecordPath(id: string): string;
  close(): void;
}
