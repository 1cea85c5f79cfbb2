import { randomUUID } from "node:crypto";
import { EngineError, messageOf } from "../../base/errors.ts";
import type { Builder, BuildJob, CacheSpec, ExportResult, Output, SolveRequest } from "../../builder/builder.ts";
import type { BuildEvent } from "../../builder/events.ts";
import type { BuildSession } from "../../builder/session.ts";

export interface BuildOrder {
  /** "": one is made up. */
  ref: string;
  /** For people, in the history. */
  name: string;
  session: BuildSession | undefined;
  request: SolveRequest;
  outputs: Output[];
  cacheTo: CacheSpec[];
}

/** A build of one request, which nobody else steers. */
export interface RunningBuild {
  /** Ends when the build is over, however. */
  events: AsyncIterable<BuildEvent>;
  result: Promise<ExportResult>;
  cancel(): void;
}

/** Solves and exports. Aborting the signal cancels it. Throws conflict when the ref is taken. */
export function startBuild(builder: Builder, order: BuildOrder, signal: AbortSignal): RunningBuild {
  const { session, name, request, outputs, cacheTo } = order;
  const job = builder.start(order.ref === "" ? randomUUID() : order.ref, { session, name });
  const cancellation = cancellable(builder, job, { session, signal });
  const result = carryOut();
  // Whoever reads the events first has not asked for the result yet.
  result.catch(() => undefined);
  return { events: job.events(signal), result, cancel: cancellation.cancel };

  async function carryOut(): Promise<ExportResult> {
    try {
      const solved = await job.solve(request, cancellation.signal);
      const exported = await job.export(solved, outputs, { cacheTo, signal: cancellation.signal });
      cancellation.finish({ error: undefined });
      return exported;
    } catch (error) {
      cancellation.finish({ error: messageOf(error) });
      throw error;
    }
  }
}

export interface Cancellation {
  /** Aborted when the build is cancelled, or its client has gone. */
  signal: AbortSignal;
  /** Once; nothing when the build is over. */
  cancel(): void;
  /** In the place of the job's own `finish`. */
  finish(outcome: { error: string | undefined }): void;
}

/** A build ends with its request and with its session; the builder is told that it was cancelled, and not only that it failed. */
export function cancellable(
  builder: Builder,
  job: BuildJob,
  { session, signal }: { session: BuildSession | undefined; signal: AbortSignal },
): Cancellation {
  const cancelled = new AbortController();
  let isOver = false;
  const cancel = () => {
    if (isOver) return;
    builder.cancel(job.ref);
    cancelled.abort(new EngineError("unavailable", "context canceled"));
  };
  signal.addEventListener("abort", cancel, { once: true });
  if (signal.aborted) cancel();
  return {
    signal: session === undefined ? cancelled.signal : AbortSignal.any([cancelled.signal, session.closed]),
    cancel,
    finish(outcome) {
      isOver = true;
      signal.removeEventListener("abort", cancel);
      job.finish(outcome);
    },
  };
}
