import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { BuildEvent, VertexStatus } from "../events.ts";
import type { Graph, Vertex, VertexIndex } from "../graph.ts";
import type { VertexResult } from "../results.ts";
import { type BuildScope, type CarryOutDeps, carryOut, type Outcome } from "./carry-out.ts";
import { neededVertices, vertexDigests } from "./vertex-keys.ts";

/** What BuildKit's clients look for at the end of a vertex's error: they show it as canceled. */
export const CANCELED = "context canceled";

export interface SolveOptions {
  graph: Graph;
  wanted: VertexIndex[];
  report: (event: BuildEvent) => void;
  signal: AbortSignal;
}

export interface SolveDeps extends CarryOutDeps {
  clock: Pick<Clock, "now">;
}

/** A vertex failed: its error, and which it was. */
export class VertexError extends Error {
  readonly vertex: Vertex;
  readonly digest: string;
  constructor(vertex: Vertex, digest: string, cause: unknown) {
    super(messageOf(cause), { cause });
    this.name = "VertexError";
    this.vertex = vertex;
    this.digest = digest;
  }
}

/**
 * Carries out what the wanted vertices need: each as soon as its inputs are there, the same one twice in the graph once. The first
 * that fails ends the rest and is thrown, as VertexError; what an aborted signal ends is thrown as its reason. Nothing is under way
 * any more then, but what other builds wait for.
 */
export async function solveGraph(
  deps: SolveDeps,
  scope: BuildScope,
  { graph, wanted, report, signal }: SolveOptions,
): Promise<Map<VertexIndex, VertexResult>> {
  const stop = new AbortController();
  const digests = vertexDigests(graph);
  const needed = neededVertices(graph, wanted);
  const statuses = announce(graph, { needed, digests, report });
  const solving = {
    deps,
    scope,
    graph,
    digests,
    statuses,
    report,
    stop,
    signal: AbortSignal.any([signal, stop.signal]),
  };
  const byDigest = new Map<string, Promise<VertexResult>>();
  const results: Promise<VertexResult>[] = [];
  for (const index of needed) {
    const digest = digests[index] as string;
    const result = byDigest.get(digest) ?? solveVertex(solving, index, results);
    byDigest.set(digest, result);
    results[index] = result;
  }
  await Promise.allSettled(byDigest.values());
  signal.throwIfAborted();
  if (stop.signal.aborted) throw stop.signal.reason;
  const entries = needed.map(async (index) => [index, (await results[index]) as VertexResult] as const);
  return new Map(await Promise.all(entries));
}

interface Solving {
  deps: SolveDeps;
  scope: BuildScope;
  graph: Graph;
  digests: string[];
  statuses: Map<string, VertexStatus>;
  report: (event: BuildEvent) => void;
  /** Aborted with the error of the first that fails. */
  stop: AbortController;
  signal: AbortSignal;
}

/** Readers see all that is to be done before any of it begins. The empty tree is nothing to be done. */
function announce(
  { vertices }: Graph,
  { needed, digests, report }: { needed: VertexIndex[]; digests: string[]; report: (event: BuildEvent) => void },
): Map<string, VertexStatus> {
  const statuses = new Map<string, VertexStatus>();
  for (const index of needed) {
    const { op, name, stage, inputs } = vertices[index] as Vertex;
    const digest = digests[index] as string;
    if (statuses.has(digest) || op.kind === "scratch") continue;
    const shown = inputs.filter((input) => vertices[input]?.op.kind !== "scratch");
    const status: VertexStatus = {
      digest,
      inputs: shown.map((input) => digests[input] as string),
      name,
      stage,
      step: stepOf(name),
      startedAt: undefined,
      completedAt: undefined,
      cached: false,
      error: "",
    };
    statuses.set(digest, status);
    report({ kind: "vertex", vertex: { ...status } });
  }
  return statuses;
}

/** `[build 2/5] RUN make` → `2/5`. */
function stepOf(name: string): string {
  return /^\[(?:[^\]]* )?(\d+\/\d+)\]/.exec(name)?.[1] ?? "";
}

async function solveVertex(
  solving: Solving,
  index: VertexIndex,
  results: Promise<VertexResult>[],
): Promise<VertexResult> {
  const { deps, scope, graph, digests, signal, stop } = solving;
  const vertex = graph.vertices[index] as Vertex;
  const digest = digests[index] as string;
  const inputs = await Promise.all(vertex.inputs.map((input) => results[input] as Promise<VertexResult>));
  signal.throwIfAborted();
  const told = statusOf(solving, digest);
  const task = { vertex, digest, inputs, report: solving.report, started: told.started, signal };
  try {
    const { result, cached }: Outcome = await carryOut(deps, scope, task);
    told.completed({ cached, error: "" });
    return result;
  } catch (error) {
    told.completed({ cached: false, error: signal.aborted ? CANCELED : messageOf(error) });
    if (!signal.aborted) stop.abort(new VertexError(vertex, digest, error));
    throw error;
  }
}

/** Tells of a vertex whenever its state changes. */
function statusOf({ deps, statuses, report }: Solving, digest: string) {
  const status = statuses.get(digest);
  const tell = (change: Partial<VertexStatus>) => {
    if (status === undefined) return;
    Object.assign(status, change);
    report({ kind: "vertex", vertex: { ...status } });
  };
  return {
    started: () => {
      if (status?.startedAt === undefined) tell({ startedAt: deps.clock.now() });
    },
    completed: (end: { cached: boolean; error: string }) => {
      const completedAt = deps.clock.now();
      tell({ startedAt: status?.startedAt ?? completedAt, completedAt, ...end });
    },
  };
}
