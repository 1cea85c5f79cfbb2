import { randomUUID } from "node:crypto";
import { EngineError, messageOf } from "../../base/errors.ts";
import type { Builder, CacheSpec, ExportResult, Output, SolveRequest } from "../../builder/builder.ts";
import type { BuildEvent } from "../../builder/events.ts";
import type { BuildSession } from "../../builder/session.ts";

export interface BuildOrder {
  /** "": one is made up. */
  ref: string;
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
  const { session, request, outputs, cacheTo } = order;
  const cancelled = new AbortController();
  const all = AbortSignal.any([signal, cancelled.signal, ...(session === undefined ? [] : [session.closed])]);
  const job = builder.start(order.ref === "" ? randomUUID() : order.ref, { session });
  const result = carryOut();
  // Whoever reads the events first has not asked for the result yet.
  result.catch(() => undefined);
  return {
    events: job.events(signal),
    result,
    cancel: () => cancelled.abort(new EngineError("unavailable", "context canceled")),
  };

  async function carryOut(): Promise<ExportResult> {
    try {
      job.check(outputs, cacheTo, request);
      const solved = await job.solve(request, all);
      const exported = await job.export(solved, outputs, { cacheTo, signal: all });
      job.finish({ error: undefined });
      return exported;
    } catch (error) {
      job.finish({ error: messageOf(error) });
      throw error;
    }
  }
}
