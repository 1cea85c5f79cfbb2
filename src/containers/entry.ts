import type { Task } from "../runtime/launcher/launcher.ts";
import type { Exec } from "./containers.ts";
import type { PendingAttachment } from "./pending-attachment.ts";
import type { Definition, Run } from "./record.ts";
import { Waiters } from "./waiters.ts";

/** One exec of a container; kept for inspect for a while after its end. */
export interface ExecEntry {
  exec: Exec;
  task: Task | undefined;
  /** Settles when the exit code is in `exec`. Undefined: never started. */
  ended?: Promise<void> | undefined;
  /** Between the request to start it and its end. */
  claimed: boolean;
}

/** A container as the daemon holds it. `definition` and `run` are values, replaced as a whole. */
export interface Entry {
  readonly id: string;
  definition: Definition;
  run: Run;
  task: Task | undefined;
  /** Attached before the start. */
  pending: Set<PendingAttachment>;
  readonly waiters: Waiters;
  readonly execs: Map<string, ExecEntry>;
  /** The probes of this run's health check. */
  probing: AbortController | undefined;
  /** The wait before a restart; aborted by stop, kill, start and remove. */
  retry: AbortController | undefined;
  /** Milliseconds of the last wait before a restart; 0: none since it last ran well. */
  backoffMs: number;
  /** `docker restart` of an `--rm` container: this end is not its end. */
  keepOnExit: boolean;
  removing: Promise<void> | undefined;
}

export function createEntry(definition: Definition, run: Run): Entry {
  return {
    id: definition.id,
    definition,
    run,
    task: undefined,
    pending: new Set(),
    waiters: new Waiters(),
    execs: new Map(),
    probing: undefined,
    retry: undefined,
    backoffMs: 0,
    keepOnExit: false,
    removing: undefined,
  };
}
