import { hostPlatform } from "../../formats/oci/platform.ts";
import type { BuildJob, FoundImage, Solved, SolvedTarget, SolveRequest, Subrequest } from "../builder.ts";
import type { Contexts } from "../contexts/contexts.ts";
import type { BuildEvent } from "../events.ts";
import type { OpContext } from "../executor.ts";
import type { DockerfileText } from "../frontend/dockerfile-problem.ts";
import type { BuildPlan, FrontendDeps, ResolvedImage, TargetPlan } from "../frontend/plan.ts";
import type { Graph, Op, VertexIndex } from "../graph.ts";
import type { Layers } from "../layers/layers.ts";
import type { LayoutRequest } from "../outputs/cache/layout-image.ts";
import type { CachedResult, CacheImporter } from "../remote-cache.ts";
import type { FilesResult, TreeResult, VertexResult } from "../results.ts";
import type { BuildSession } from "../session.ts";
import type { Sources } from "../sources/create-sources.ts";
import type { BuildScope } from "./carry-out.ts";
import { JobContexts } from "./job-contexts.ts";
import { findImage, resolveStep } from "./find-image.ts";
import { buildError } from "./job-errors.ts";
import type { JobResources } from "./job-resources.ts";
import { createJobSteps, type JobSteps } from "./job-steps.ts";
import type { ImageResolver } from "./resolve-image.ts";
import { contextImage } from "./context-image.ts";
import { type SolveDeps, solveGraph } from "./solve-graph.ts";
import { solvedTarget, treeOf } from "./solved-target.ts";
import type { Snapshots } from "../../storage/snapshots/snapshots.ts";
import { chainOn, vertexDigests } from "./vertex-keys.ts";

export interface Frontend {
  plan(request: SolveRequest, deps: FrontendDeps): Promise<BuildPlan>;
  call(request: SolveRequest, call: Subrequest, deps: FrontendDeps): ReturnType<BuildJob["call"]>;
}

export interface RequestDeps extends SolveDeps {
  frontend: Frontend;
  contexts: Pick<Contexts, "open">;
  sources: Pick<Sources, "release">;
  resolver: ImageResolver;
  layers: Pick<Layers, "squash">;
  snapshots: Pick<Snapshots, "has">;
  bringLayout: (request: LayoutRequest) => Promise<ResolvedImage>;
  /** Caches elsewhere that the request names. undefined: it names none. */
  openImporter: (request: SolveRequest, scope: JobScope) => CacheImporter | undefined;
}

/** What a request needs of its job. */
export interface JobScope {
  ref: string;
  /** Of this build alone: a client may use its ref again. */
  buildId: string;
  session: BuildSession | undefined;
  report: (event: BuildEvent) => void;
  resources: JobResources;
  /** Aborted when the client has gone, when the build is cancelled, when the caller says so. */
  signal: AbortSignal;
}

/** What exporters need of a build besides its layers. */
export interface SolvedRequest {
  solved: Solved;
  request: SolveRequest;
  /** Every result with its key. */
  cached: CachedResult[];
  source: { graph: Graph; dockerfile: { name: string; content: Uint8Array } } | undefined;
}

export interface RequestSolver {
  solve(request: SolveRequest, scope: JobScope): Promise<SolvedRequest>;
  call(request: SolveRequest, call: Subrequest, scope: JobScope): ReturnType<BuildJob["call"]>;
  resolveImage(image: Parameters<BuildJob["resolveImage"]>[0], scope: JobScope): Promise<FoundImage>;
}

/** From the request to the layers: Dockerfile, images and contexts, the graph, the config. */
export function createRequestSolver(deps: RequestDeps): RequestSolver {
  return {
    async solve(request, scope) {
      const solving = begin(deps, request, scope);
      const plan = await deps.frontend.plan(request, solving.frontendDeps);
      const definition = solving.steps.digest(definitionName(request));
      for (const warning of plan.warnings) scope.report({ kind: "warning", vertex: definition, warning });
      const digests = vertexDigests(plan.graph);
      const steps = plan.targets.flatMap((target) =>
        target.steps.map(({ text, vertex }) => ({ text, vertex: vertex === undefined ? undefined : digests[vertex] })),
      );
      scope.report({ kind: "steps", steps });
      return carryOutPlan(deps, solving, plan);
    },
    call(request, call, scope) {
      return deps.frontend.call(request, call, begin(deps, request, scope).frontendDeps);
    },
    resolveImage: (image, scope) => findImage(deps, image, scope),
  };
}

/** One request on its way. */
interface Solving {
  request: SolveRequest;
  scope: JobScope;
  steps: JobSteps;
  contexts: JobContexts;
  /** By ID. */
  images: Map<string, ResolvedImage>;
  frontendDeps: FrontendDeps;
  /** As it was read; undefined: not yet. */
  dockerfile: () => DockerfileText | undefined;
}

function begin(deps: RequestDeps, request: SolveRequest, scope: JobScope): Solving {
  const { report, signal, resources } = scope;
  const steps = createJobSteps({ report, clock: deps.clock, signal });
  const contexts = new JobContexts(deps.contexts, request);
  resources.onRelease(() => contexts.close());
  resources.onRelease(() => deps.sources.release(scope.buildId));
  let dockerfile: DockerfileText | undefined;
  const readFiles: FrontendDeps["readFiles"] = (name, paths) =>
    steps.run(readingName(request, paths), async (_, vertex) => {
      const files = await contexts.readFiles(name, paths, { session: scope.session, vertex, report, signal });
      dockerfile ??= definitionIn(files, paths);
      return files;
    });
  const images = new Map<string, ResolvedImage>();
  const resolveImage: FrontendDeps["resolveImage"] = async (reference, platform) => {
    const image = await resolveStep(deps, { request, scope, steps }, { reference, platform });
    images.set(image.row.id, image);
    return image;
  };
  const resolveContext: FrontendDeps["resolveContext"] = async (name, platform) => {
    const image = await contextImage(deps, { request, scope, steps }, { name, platform });
    images.set(image.row.id, image);
    return image;
  };
  return {
    request,
    scope,
    steps,
    contexts,
    images,
    frontendDeps: { readFiles, resolveImage, resolveContext, buildPlatform: hostPlatform() },
    dockerfile: () => dockerfile,
  };
}

function definitionName({ fileName }: SolveRequest): string {
  return `[internal] load build definition from ${fileName.split("/").at(-1) || "Dockerfile"}`;
}

/** As BuildKit calls it. What is looked for besides ignore files is the Dockerfile. */
function readingName(request: SolveRequest, paths: string[]): string {
  return paths.every(isIgnoreFile) ? "[internal] load .dockerignore" : definitionName(request);
}

function definitionIn(files: Map<string, Uint8Array>, paths: string[]): DockerfileText | undefined {
  const name = paths.find((path) => !isIgnoreFile(path) && files.has(path));
  return name === undefined ? undefined : { name, text: new TextDecoder().decode(files.get(name)) };
}

function isIgnoreFile(path: string): boolean {
  return path.endsWith(".dockerignore");
}

async function carryOutPlan(deps: RequestDeps, solving: Solving, plan: BuildPlan): Promise<SolvedRequest> {
  const { request, scope } = solving;
  const dockerfile = solving.dockerfile();
  const { report, signal } = scope;
  const cached: CachedResult[] = [];
  const buildScope = buildScopeOf(deps, solving, { plan, cached });
  const wanted = plan.targets.flatMap(({ vertex, base }) => (base === undefined ? [vertex] : [vertex, base.vertex]));
  try {
    const results = await solveGraph(deps, buildScope, { graph: plan.graph, wanted, report, signal });
    const targets = [];
    for (const target of plan.targets) targets.push(await finishTarget(deps, solving, { plan, target, results }));
    const source = dockerfile && {
      graph: plan.graph,
      dockerfile: { name: dockerfile.name, content: Buffer.from(dockerfile.text) },
    };
    const { epochSeconds } = plan;
    return { solved: { targets, warnings: plan.warnings }, request: { ...request, epochSeconds }, cached, source };
  } catch (error) {
    throw buildError(error, dockerfile);
  }
}

function buildScopeOf(
  deps: RequestDeps,
  { request, scope, contexts, images }: Solving,
  { plan, cached }: { plan: BuildPlan; cached: CachedResult[] },
): BuildScope {
  const { buildId, session, resources } = scope;
  return {
    buildId,
    session,
    resources: request.resources,
    cacheMountNamespace: plan.cacheMountNamespace,
    context: (op, context) => transfer(contexts, plan, { op, context }),
    image: (op) => imageTree(images, op.imageId),
    importer: request.cacheFrom.length === 0 ? undefined : deps.openImporter(request, scope),
    keyed: (result) => void cached.push(result),
    hold: resources.hold,
    lend: resources.lend,
  };
}

async function transfer(
  contexts: JobContexts,
  { ignore }: BuildPlan,
  { op, context }: { op: Extract<Op, { kind: "context" }>; context: OpContext },
): Promise<FilesResult> {
  const { session, vertex, report, signal } = context;
  const options = { session, vertex, report, signal };
  const { name, include, followPaths } = op;
  const exclude = (Object.hasOwn(ignore, name) ? ignore[name] : undefined) ?? [];
  const opened = await contexts.open(name, options);
  return { kind: "files", source: await opened.files({ include, exclude, followPaths }, options) };
}

/** Its layers are held, even where it was removed meanwhile. The epoch: it does not say when it was made. */
function imageTree(images: Map<string, ResolvedImage>, imageId: string): TreeResult {
  const image = images.get(imageId);
  if (image === undefined) throw new Error(`image ${imageId} of the graph was not resolved`);
  const { layers } = image.row;
  const createdAt = new Date((image.document["created"] ?? 0) as string | number);
  return {
    kind: "tree",
    layers,
    chainId: chainOn(undefined, layers),
    createdAt: Number.isNaN(createdAt.getTime()) ? new Date(0) : createdAt,
    added: undefined,
  };
}

interface Finishing {
  plan: BuildPlan;
  target: TargetPlan;
  results: Map<VertexIndex, VertexResult>;
}

async function finishTarget(
  deps: RequestDeps,
  solving: Solving,
  { plan, target, results }: Finishing,
): Promise<SolvedTarget> {
  const { request, scope, steps, images } = solving;
  const { graph, epochSeconds } = plan;
  const base = target.base === undefined ? undefined : treeOf({ results }, target.base.vertex);
  const top = treeOf({ results }, target.vertex);
  const options = { epochSeconds, hold: scope.resources.hold, signal: scope.signal };
  const squashed = request.squash
    ? await steps.run("squashing layers", () => deps.layers.squash(base ?? emptyTree(), top, options))
    : undefined;
  // The Unix epoch stands for an image that does not say when it was made.
  const baseCreatedAt = base === undefined || base.createdAt.getTime() === 0 ? undefined : base.createdAt;
  return solvedTarget({ target, graph, results, images, baseCreatedAt, epochSeconds, squashed, now: deps.clock.now() });
}

function emptyTree(): TreeResult {
  return { kind: "tree", layers: [], chainId: undefined, createdAt: new Date(0), added: undefined };
}
