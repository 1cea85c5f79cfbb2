import { conflict, EngineError, invalid, notFound } from "../../../base/errors.ts";
import type { BuildJob, Solved, SolvedTarget } from "../../../builder/builder.ts";
import { AwaitedMap } from "../awaited-map.ts";
import type { GrpcSession } from "../session/grpc-session.ts";

/** Solves of one build: one for each target of a bake file is plenty. */
const MAX_RESULTS = 64;
/** The call that begins a build and the ones that steer it come in any order. */
const ARRIVAL_MS = 5000;
/** Results that other builds may take as contexts; those that came first go. */
const MAX_SHARED_RESULTS = 512;

/**
 * A build that its client steers: `Control.Solve` without a frontend waits, while the client solves by the bridge, until it says
 * which result it is.
 */
export interface GatewayBuild {
  readonly ref: string;
  readonly job: BuildJob;
  readonly session: GrpcSession | undefined;
  readonly entitlements: string[];
  readonly signal: AbortSignal;
  /** Names a result. Each platform of it gets a name of its own, in order. */
  keep(solved: Solved): string[];
  /** Throws not-found. */
  result(id: string): KeptResult;
  /** The client has chosen; undefined: nothing is made. */
  complete(solved: Solved | undefined): void;
  fail(error: EngineError): void;
  /** Rejects when the client has failed, or the signal is aborted. */
  readonly outcome: Promise<Solved | undefined>;
}

export interface KeptResult {
  solved: Solved;
  /** The platform that the name stands for. */
  target: SolvedTarget;
}

export interface GatewayBuilds {
  /** Throws conflict when the ref is taken. */
  begin(build: Pick<GatewayBuild, "ref" | "job" | "session" | "entitlements" | "signal">): GatewayBuild;
  end(ref: string): void;
  /** The build of this ref, also one that begins within a moment. Throws invalid-argument without a ref, not-found. */
  find(ref: string | undefined, signal: AbortSignal): Promise<GatewayBuild>;
  /** A result of any build, also of one that is over: its layers may have gone. Throws not-found. */
  target(id: string): SolvedTarget;
}

export function createGatewayBuilds({ arrivalMs = ARRIVAL_MS }: { arrivalMs?: number } = {}): GatewayBuilds {
  const builds = new AwaitedMap<GatewayBuild>(arrivalMs);
  const shared = new Map<string, SolvedTarget>();
  const share = (id: string, target: SolvedTarget) => {
    shared.delete(id);
    shared.set(id, target);
    const [oldest] = shared.keys();
    if (shared.size > MAX_SHARED_RESULTS && oldest !== undefined) shared.delete(oldest);
  };
  return {
    begin(own) {
      if (builds.has(own.ref)) throw conflict(`build ${own.ref} already exists`);
      const build = gatewayBuild(own, share);
      builds.set(own.ref, build);
      return build;
    },
    end: (ref) => builds.delete(ref),
    async find(ref, signal) {
      if (ref === undefined || ref === "") throw invalid("the call does not say which build it belongs to");
      const build = await builds.wait(ref, signal);
      if (build === undefined) throw new EngineError("not-found", `no such job ${ref}`);
      return build;
    },
    target(id) {
      const target = shared.get(id);
      if (target === undefined) throw new EngineError("not-found", `result ${id} is not known any more`);
      return target;
    },
  };
}

function gatewayBuild(
  own: Pick<GatewayBuild, "ref" | "job" | "session" | "entitlements" | "signal">,
  share: (id: string, target: SolvedTarget) => void,
): GatewayBuild {
  const outcome = Promise.withResolvers<Solved | undefined>();
  // The client may fail before its build is waited for.
  outcome.promise.catch(() => undefined);
  const onAbort = () => outcome.reject(new EngineError("unavailable", "the build was cancelled"));
  own.signal.addEventListener("abort", onAbort, { once: true });
  if (own.signal.aborted) onAbort();
  const results = new Map<string, KeptResult>();
  let solves = 0;
  return {
    ...own,
    outcome: outcome.promise,
    keep(solved) {
      if (++solves > MAX_RESULTS) throw invalid(`a build has at most ${MAX_RESULTS} results`);
      return solved.targets.map((target, platform) => {
        const id = `${own.ref}-${solves}-${platform}`;
        results.set(id, { solved, target });
        share(id, target);
        return id;
      });
    },
    result(id) {
      const result = results.get(id);
      if (result === undefined) throw notFound("ref", id);
      return result;
    },
    complete: (solved) => outcome.resolve(solved),
    fail: (error) => outcome.reject(error),
  };
}
