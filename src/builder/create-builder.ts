import type { Clock } from "../base/clock.ts";
import { EngineError, invalid, messageOf, notFound } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Builder, HistoryRecord } from "./builder.ts";
import type { Contexts } from "./contexts/contexts.ts";
import type { BuildCache } from "./solver/build-cache.ts";
import type { CacheKeeper } from "./solver/cache-keeper.ts";
import type { GcPolicy } from "./solver/gc-policy.ts";
import type { HistoryStore } from "./solver/history-store.ts";
import { createJob, type JobDeps, type RunningJob } from "./solver/job.ts";

/** A client asks for a build that another request of it is about to begin. */
const JOB_WAIT_MS = 3000;
/** A build that is over is known so long, for those who ask for its events late. */
const JOB_KEPT_MS = 10_000;
const MAX_KEPT_JOBS = 32;
const MAX_JOBS = 1024;
const MAX_REF_CHARS = 256;
/** What builds have begun is waited for so long when the daemon ends. */
const CLOSE_MS = 10_000;

export interface BuilderDeps extends JobDeps {
  history: HistoryStore;
  cache: BuildCache;
  keeper: CacheKeeper;
  policy: GcPolicy;
  contexts: Pick<Contexts, "close">;
  publish: (event: { type: "builder"; action: string; actorId: string; attributes: Record<string, string> }) => void;
  clock: Clock;
  logger: Logger;
}

export function createBuilder(deps: BuilderDeps): Builder {
  const { history, cache, keeper, contexts, clock } = deps;
  const jobs = new Jobs(deps);
  const ended = (ref: string): HistoryRecord => {
    if (jobs.isRunning(ref)) throw new EngineError("conflict", `build ${ref} is running`);
    const record = history.list().find((one) => one.ref === ref);
    if (record === undefined) throw notFound("build", ref);
    return record;
  };
  return {
    start: (ref, options) => jobs.start(ref, options),
    job: (ref, signal) => jobs.find(ref, signal),
    cancel: (ref) => jobs.cancel(ref),
    cache: () => keeper.list(),
    async prune(options, report) {
      const pruned = await keeper.prune(options, report);
      const attributes = { reclaimed: String(pruned.reclaimedBytes) };
      deps.publish({ type: "builder", action: "prune", actorId: "", attributes });
      return pruned;
    },
    gcPolicy: () => deps.policy.rules,
    history: () => history.list().map((record) => jobs.live(record.ref) ?? record),
    watchHistory: (signal) => history.watch(signal),
    pin(ref, pinned) {
      history.put({ ...ended(ref), pinned });
    },
    async *logs(ref) {
      yield* await history.log(ref);
    },
    forget(ref) {
      history.remove(ended(ref).ref);
    },
    async close() {
      await Promise.race([jobs.close(), clock.sleep(CLOSE_MS)]);
      await keeper.settled();
      cache.flush();
      await contexts.close();
    },
  };
}

/** Builds under way, and for a moment those that are over, by the names that clients chose. */
class Jobs {
  readonly #deps: BuilderDeps;
  readonly #jobs = new Map<string, RunningJob>();
  readonly #waiting = new Map<string, Set<(job: RunningJob) => void>>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #isClosed = false;

  constructor(deps: BuilderDeps) {
    this.#deps = deps;
  }

  start(ref: string, { session, name }: Parameters<Builder["start"]>[1]): RunningJob {
    if (ref === "" || ref.length > MAX_REF_CHARS) throw invalid(`invalid name of a build: ${JSON.stringify(ref)}`);
    if (this.#isClosed) throw new EngineError("unavailable", "the daemon is shutting down");
    if (this.isRunning(ref)) throw new EngineError("conflict", `job ID ${ref} exists`);
    if (this.#jobs.size >= MAX_JOBS) throw new EngineError("unavailable", `there are ${MAX_JOBS} builds already`);
    const onReleased = () => {
      this.#deps.keeper.buildEnded();
      this.#forgetLater(ref, job);
    };
    const job: RunningJob = createJob(this.#deps, { ref, name: name ?? "", session, onReleased });
    this.#jobs.set(ref, job);
    for (const found of this.#waiting.get(ref) ?? []) found(job);
    return job;
  }

  /** What is known of a build that is under way. */
  live(ref: string): HistoryRecord | undefined {
    const job = this.#jobs.get(ref);
    return job === undefined || job.isOver ? undefined : job.record;
  }

  isRunning(ref: string): boolean {
    return this.#jobs.get(ref)?.isOver === false;
  }

  async find(ref: string, signal: AbortSignal): Promise<RunningJob> {
    const known = this.#jobs.get(ref);
    if (known !== undefined) return known;
    const begun = Promise.withResolvers<RunningJob>();
    const waiting = this.#waiting.get(ref) ?? new Set();
    this.#waiting.set(ref, waiting.add(begun.resolve));
    const enough = new AbortController();
    const tooLong = this.#deps.clock.sleep(JOB_WAIT_MS, AbortSignal.any([signal, enough.signal]));
    try {
      return await Promise.race([
        begun.promise,
        tooLong.then(() => {
          throw new EngineError("not-found", `no such job ${ref}`);
        }),
      ]);
    } finally {
      enough.abort();
      waiting.delete(begun.resolve);
      if (waiting.size === 0) this.#waiting.delete(ref);
    }
  }

  /** One that is not known, or over, needs no cancelling. */
  cancel(ref: string): void {
    this.#jobs.get(ref)?.cancel(new EngineError("unavailable", "the build was canceled"));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    const running = [...this.#jobs.values()].filter(({ isOver }) => !isOver);
    const reason = new EngineError("unavailable", "the daemon is shutting down");
    for (const job of running) job.cancel(reason);
    for (const job of running) job.finish({ error: messageOf(reason) });
    await Promise.all(Array.from(this.#jobs.values(), ({ released }) => released));
  }

  #forgetLater(ref: string, job: RunningJob): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#jobs.get(ref) === job) this.#jobs.delete(ref);
    }, JOB_KEPT_MS);
    timer.unref();
    this.#timers.add(timer);
    const over = [...this.#jobs].filter(([, { isOver }]) => isOver);
    for (const [name] of over.slice(0, Math.max(0, over.length - MAX_KEPT_JOBS))) this.#jobs.delete(name);
  }
}
