import type { BuildEvent } from "../events.ts";
import type { Executor, OpContext } from "../executor.ts";
import type { BuildResources, Op, RunOp, SourceOp, Vertex } from "../graph.ts";
import type { CachedResult, CacheImporter } from "../remote-cache.ts";
import type { FilesResult, TreeResult, VertexResult } from "../results.ts";
import type { BuildSession } from "../session.ts";
import type { Budget } from "./budget.ts";
import type { BuildCache } from "./build-cache.ts";
import { createLogClipper } from "./log-clipper.ts";
import type { SharedContext, SharedVertices } from "./shared-vertices.ts";
import { cacheKey, chainOn } from "./vertex-keys.ts";

export interface CarryOutDeps {
  executor: Executor;
  cache: BuildCache;
  shared: SharedVertices;
  budget: Budget;
  /** Told of each result that the cache got. */
  grown: (result: TreeResult) => void;
  /** Results are in the store but not in the cache yet: a test ends the daemon here. */
  failpoint: (name: string) => void;
}

/** What vertices need of their build. */
export interface BuildScope {
  buildId: string;
  session: BuildSession | undefined;
  resources: BuildResources;
  cacheMountNamespace: string;
  /** Contexts of the request are the build's own; other sources are the executor's. */
  context: (op: Extract<Op, { kind: "context" }>, context: OpContext) => Promise<FilesResult>;
  image: (op: Extract<Op, { kind: "image" }>) => TreeResult;
  importer: CacheImporter | undefined;
  /** Every result with its key: what a cache that goes elsewhere is made of. */
  keyed: (result: CachedResult) => void;
  /** Keeps digests and chainIDs until the build is over. */
  hold: (keys: string[]) => void;
  /** Work for several builds that uses what this one has brought: it stays until then. */
  lend: (work: Promise<unknown>) => void;
}

/** One vertex of one build whose inputs are there. */
export interface Task {
  vertex: Vertex;
  digest: string;
  inputs: VertexResult[];
  report: (event: BuildEvent) => void;
  /** It is not found in the cache: now the work begins. */
  started: () => void;
  signal: AbortSignal;
}

export interface Outcome {
  result: VertexResult;
  cached: boolean;
}

type TreeOp = Extract<Op, { kind: "run" | "copy" | "mkdir" | "link" }>;

const SCRATCH: TreeResult = { kind: "tree", layers: [], chainId: undefined, createdAt: new Date(0), added: undefined };

/** The result of one vertex: from the cache, from another build that is at it, or made. */
export async function carryOut(deps: CarryOutDeps, scope: BuildScope, task: Task): Promise<Outcome> {
  const { op } = task.vertex;
  switch (op.kind) {
    case "scratch":
      return { result: SCRATCH, cached: true };
    case "image":
      return { result: scope.image(op), cached: true };
    case "context":
    case "http":
    case "git":
    case "inline":
      return { result: await bring(deps, scope, { ...task, op }), cached: false };
    case "run":
    case "copy":
    case "mkdir":
    case "link":
      return makeTree(deps, scope, { ...task, op });
  }
}

async function bring(
  { executor, budget }: CarryOutDeps,
  scope: BuildScope,
  { op, ...task }: Task & { op: SourceOp },
): Promise<FilesResult> {
  const { signal } = task;
  const clipper = createLogClipper(task.report);
  const work = () => {
    task.started();
    const context = contextOf(scope, task, { signal, report: clipper.report, hold: scope.hold });
    return op.kind === "context" ? scope.context(op, context) : executor.source(op, context);
  };
  try {
    return await budget.run(op.kind, work, signal);
  } catch (error) {
    clipper.failed();
    throw error;
  }
}

async function makeTree(deps: CarryOutDeps, scope: BuildScope, task: Task & { op: TreeOp }): Promise<Outcome> {
  const { vertex, signal, inputs } = task;
  const base = treeOf(inputs[0]);
  const key = await keyOf(deps, scope, task);
  signal.throwIfAborted();
  if (!vertex.ignoreCache) {
    const found = await lookUp(deps, scope, { key, base, task });
    if (found !== undefined) {
      scope.keyed({ key, result: found });
      return { result: found, cached: true };
    }
  }
  const participant = {
    signal,
    hold: scope.hold,
    started: task.started,
    report: (event: BuildEvent) => task.report(renamed(event, task.digest)),
  };
  const result = await deps.shared.run(sharingKey(key, scope, task), participant, {
    start: (context) =>
      deps.budget.run(task.op.kind, () => make(deps, scope, { key, base, task, context }), context.signal),
    began: scope.lend,
  });
  scope.keyed({ key, result });
  return { result, cached: false };
}

/** An event of a vertex that another build may have another name for. */
function renamed(event: BuildEvent, vertex: string): BuildEvent {
  return event.kind === "vertex" || event.kind === "steps" ? event : { ...event, vertex };
}

/** What is found is held in the same turn: a collection that is under way passes it by. */
async function lookUp(
  { cache, grown }: CarryOutDeps,
  scope: BuildScope,
  { key, base, task }: { key: string; base: TreeResult; task: Task },
): Promise<TreeResult | undefined> {
  const own = cache.find(key, base);
  if (own !== undefined) {
    scope.hold(keysOf(own));
    return own;
  }
  const brought = await bringFromElsewhere(scope, { key, base, task });
  if (brought === undefined) return undefined;
  cache.put({ key, base, result: brought, description: task.vertex.name });
  grown(brought);
  return brought;
}

/** A cache elsewhere that cannot be read, or that is wrong, is none. */
async function bringFromElsewhere(
  { importer, hold }: BuildScope,
  { key, base, task: { signal } }: { key: string; base: TreeResult; task: Task },
): Promise<TreeResult | undefined> {
  try {
    const found = await importer?.lookup(key, signal);
    // Before anything is fetched: what stands on something else is not this step's, whatever its record says.
    if (found === undefined || !beginsWith(found.layers, base)) return undefined;
    const brought = await found.fetch({ hold, signal });
    if (!standsOn(brought, base)) return undefined;
    return { ...brought, layers: [...base.layers, ...brought.layers.slice(base.layers.length)] };
  } catch {
    // The importer has told of it in the build's events.
    signal.throwIfAborted();
    return undefined;
  }
}

function beginsWith(layers: TreeResult["layers"], base: TreeResult): boolean {
  return base.layers.every(({ diffId }, at) => diffId === layers[at]?.diffId);
}

function standsOn({ layers, chainId }: TreeResult, base: TreeResult): boolean {
  return chainOn(base.chainId, layers.slice(base.layers.length)) === chainId;
}

function keysOf({ chainId, layers }: TreeResult): string[] {
  return [...(chainId === undefined ? [] : [chainId]), ...layers.map(({ digest }) => digest)];
}

async function keyOf(deps: CarryOutDeps, scope: BuildScope, task: Task & { op: TreeOp }): Promise<string> {
  const { op, inputs, signal, report } = task;
  const trees = (op.kind === "link" ? inputs.slice(0, 2) : inputs.slice(0, 1)).map((input) => treeOf(input).chainId);
  const context = contextOf(scope, task, { signal, report, hold: scope.hold });
  return cacheKey({ op, trees, content: await contentKey(deps, task, context) });
}

async function contentKey(
  { executor, budget }: CarryOutDeps,
  { op, inputs, signal }: Task & { op: TreeOp },
  context: OpContext,
): Promise<string> {
  if (op.kind === "copy") return budget.run("copy", () => executor.copyKey(op, inputs, context), signal);
  if (op.kind !== "run" || !op.mounts.some(({ input }) => input !== undefined)) return "";
  return budget.run("copy", () => executor.mountKey(op, inputs, context), signal);
}

/** A step that is to be carried out anew, or that asks this client for secrets or its agent, is this build's alone. */
function sharingKey(key: string, { buildId }: BuildScope, { vertex, op }: Task & { op: TreeOp }): string {
  const isOwn = vertex.ignoreCache || (op.kind === "run" && asksClient(op));
  return isOwn ? `${key} ${buildId}` : key;
}

function asksClient({ mounts }: RunOp): boolean {
  return mounts.some(({ mount }) => mount.type === "secret" || mount.type === "ssh");
}

interface Making {
  key: string;
  base: TreeResult;
  task: Task & { op: TreeOp };
  context: SharedContext;
}

async function make(deps: CarryOutDeps, scope: BuildScope, { key, base, task, context }: Making): Promise<TreeResult> {
  context.started();
  const result = await execute(deps.executor, task, contextOf(scope, task, context));
  context.hold(keysOf(result));
  deps.failpoint("build.vertex");
  deps.cache.put({ key, base, result, description: task.vertex.name });
  deps.grown(result);
  return result;
}

function execute(executor: Executor, { op, inputs }: Task & { op: TreeOp }, context: OpContext): Promise<TreeResult> {
  switch (op.kind) {
    case "run":
      return executor.run(op, inputs, context);
    case "copy":
      return executor.copy(op, inputs, context);
    case "mkdir":
      return executor.mkdir(op, treeOf(inputs[0]), context);
    case "link":
      return executor.link(treeOf(inputs[0]), treeOf(inputs[1]), context);
  }
}

function contextOf(
  scope: BuildScope,
  { vertex, digest }: Pick<Task, "vertex" | "digest">,
  { signal, report, hold }: Pick<SharedContext, "signal" | "report" | "hold">,
): OpContext {
  const { op, name } = vertex;
  const { session, buildId, resources, cacheMountNamespace } = scope;
  const epochSeconds = "epochSeconds" in op ? op.epochSeconds : undefined;
  const build = { session, buildId, resources, cacheMountNamespace };
  return { ...build, signal, report, hold, vertex: digest, name, epochSeconds };
}

function treeOf(input: VertexResult | undefined): TreeResult {
  if (input?.kind !== "tree") throw new Error("a vertex of the graph has files where it needs a tree");
  return input;
}
