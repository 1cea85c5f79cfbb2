import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { randomId } from "../../base/ids.ts";
import type { Logger } from "../../base/logger.ts";
import type { ImagesService } from "../../images/create-images.ts";
import type { BuildJob, HistoryRecord, SolveRequest } from "../builder.ts";
import type { BuildEvent } from "../events.ts";
import type { Files } from "../files/create-files.ts";
import type { Outputs } from "../outputs/create-outputs.ts";
import type { BuildSession } from "../session.ts";
import { EventLog } from "./event-log.ts";
import type { HistoryStore } from "./history-store.ts";
import { JobRecord } from "./job-record.ts";
import { createJobResources } from "./job-resources.ts";
import type { JobScope, RequestSolver, SolvedRequest } from "./solve-request.ts";

export interface JobDeps {
  solver: RequestSolver;
  outputs: Pick<Outputs, "check" | "export">;
  files: Pick<Files, "lookInto">;
  images: Pick<ImagesService, "store">;
  history: HistoryStore;
  clock: Pick<Clock, "now">;
  logger: Logger;
}

export interface JobOptions {
  ref: string;
  name: string;
  session: BuildSession | undefined;
  /** It has given everything back. */
  onReleased: () => void;
}

/** A job with what only the builder does with it. */
export interface RunningJob extends BuildJob {
  cancel(reason: Error): void;
  readonly isOver: boolean;
  readonly record: HistoryRecord;
  /** Resolves when nothing of it is left. */
  readonly released: Promise<void>;
}

export function createJob(deps: JobDeps, { ref, name, session, onReleased }: JobOptions): RunningJob {
  const { solver, outputs, history, clock } = deps;
  const log = new EventLog();
  const buildId = randomId();
  const startedAt = clock.now();
  const record = new JobRecord({ ref, name, startedAt });
  const resources = createJobResources(deps.images.store.leases);
  const stop = new AbortController();
  const released = Promise.withResolvers<void>();
  let isOver = false;
  let last: SolvedRequest | undefined;
  const report = (event: BuildEvent) => {
    if (isOver) return;
    record.saw(event);
    log.push(event);
  };
  const scope = (signal: AbortSignal): JobScope => {
    const ends = [signal, stop.signal, ...(session === undefined ? [] : [session.closed])];
    return { ref, buildId, session, report, resources, signal: AbortSignal.any(ends) };
  };
  const asked = (request: SolveRequest) => {
    record.asked(request);
    history.put(record.value);
  };
  history.put(record.value);

  return {
    ref,
    get isOver() {
      return isOver;
    },
    get record() {
      return record.value;
    },
    released: released.promise,
    check: (wanted, cacheTo, request) => outputs.check(wanted, cacheTo, request),
    async solve(request, signal) {
      asked(request);
      last = await solver.solve(request, scope(signal));
      return last.solved;
    },
    async export(solved, wanted, { cacheTo, signal }) {
      if (last === undefined) throw new Error(`build ${ref} exports what it has not solved`);
      const { request, cached, source } = last;
      const { resources: _, buildId: __, ...parts } = scope(signal);
      const result = await outputs.export(solved, wanted, { ...parts, request, cached, source, startedAt, cacheTo });
      record.made(result.imageId);
      return result;
    },
    call: (request, call, signal) => {
      asked(request);
      return solver.call(request, call, scope(signal));
    },
    files: (target, signal) => deps.files.lookInto(target.result, scope(signal).signal),
    resolveImage: (image, signal) => solver.resolveImage(image, scope(signal)),
    events: (signal) => log.read(signal),
    cancel: (reason) => stop.abort(reason),
    finish({ error }) {
      if (isOver) return;
      const isCanceled = error !== undefined && (stop.signal.aborted || session?.closed.aborted === true);
      // Whatever is still under way is nobody's.
      stop.abort(new Error("the build is over"));
      isOver = true;
      record.ended({ status: statusOf(error, isCanceled), error: error ?? "", completedAt: clock.now() });
      history.put(record.value);
      log.end();
      void close().finally(() => {
        released.resolve();
        onReleased();
      });
    },
  };

  async function close(): Promise<void> {
    const ends = await Promise.allSettled([resources.release(), history.putLog(ref, log.kept())]);
    for (const end of ends)
      if (end.status === "rejected") deps.logger.warn("ending a build", { ref, error: messageOf(end.reason) });
  }
}

function statusOf(error: string | undefined, isCanceled: boolean): HistoryRecord["status"] {
  if (error === undefined) return "completed";
  return isCanceled ? "canceled" : "error";
}
