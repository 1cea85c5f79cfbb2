import { normalisePlatform, type Platform, parsePlatformSpecifier } from "../../formats/oci/platform.ts";
import type { SolveRequest } from "../builder.ts";
import type { BuildWarning } from "../events.ts";
import { globalArguments, sourceDateEpoch, unconsumedArguments } from "./build-arguments.ts";
import { showProblem } from "./dockerfile-problem.ts";
import type { Environment } from "./environment.ts";
import { createGraphBuilder, type GraphBuilder } from "./graph-builder.ts";
import { createNamedContexts, type NamedContexts } from "./named-contexts.ts";
import type { BuildPlan, FrontendDeps, TargetPlan } from "./plan.ts";
import { finishTarget, planStages } from "./plan-stages.ts";
import { type Definition, namedPatterns, readDefinition } from "./read-definition.ts";
import { createImageLookup, type ImageLookup, resolveStages } from "./resolve-stages.ts";
import type { StageNode } from "./stage-node.ts";
import { createStageTable, findTarget, type StageTable } from "./stage-table.ts";

/**
 * Turns a Dockerfile into a graph, the config of each target and warnings. Images are brought meanwhile; nothing else is done. What is
 * wrong with the Dockerfile throws invalid-argument: one line, then an excerpt with the lines that are to blame.
 */
export async function planBuild(request: SolveRequest, deps: FrontendDeps): Promise<BuildPlan> {
  const definition = await readDefinition(request, deps);
  try {
    return await planDefinition(request, definition, deps);
  } catch (error) {
    throw showProblem(error, definition.file);
  }
}

async function planDefinition(request: SolveRequest, definition: Definition, deps: FrontendDeps): Promise<BuildPlan> {
  const contexts = createNamedContexts(request.namedContexts);
  const images = createImageLookup(deps);
  const wanted = targetPlatforms(request);
  // Every platform's images are asked for at the same time.
  const resolved = await Promise.all(
    (wanted.length === 0 ? [undefined] : wanted).map((platform) =>
      resolvePlatform(request, definition, { platform, buildPlatform: deps.buildPlatform, contexts, images }),
    ),
  );
  const graph = createGraphBuilder();
  const severalPlatforms = showsPlatforms(request, wanted);
  const targets = resolved.map((platform) =>
    planPlatform(request, definition, { ...platform, graph, severalPlatforms }),
  );
  return {
    graph: graph.finish(),
    targets,
    warnings: argumentWarnings(request, definition),
    ignore: {
      context: definition.ignore,
      ...(await namedPatterns(graph.contexts(), request, deps)),
    },
    epochSeconds: resolved[0]?.epochSeconds,
    cacheMountNamespace: request.buildArgs.BUILDKIT_CACHE_MOUNT_NS ?? "",
  };
}

/** Each once; empty: none was asked for. */
function targetPlatforms({ platforms }: SolveRequest): Platform[] {
  const unique = new Map(platforms.map((text) => [JSON.stringify(parsePlatformSpecifier(text)), text]));
  return [...unique.values()].map(parsePlatformSpecifier);
}

function showsPlatforms({ buildArgs }: SolveRequest, wanted: Platform[]): boolean {
  const told = buildArgs.BUILDKIT_MULTI_PLATFORM;
  return wanted.length > 1 || (told !== undefined && ["1", "t", "T", "true", "TRUE", "True"].includes(told));
}

interface ResolvedPlatform {
  /** undefined: none was asked for, so it is the host's, or the base's. */
  wanted: Platform | undefined;
  platform: Platform;
  globals: Environment;
  epochSeconds: number | undefined;
  table: StageTable;
  target: StageNode;
  reached: Set<StageNode>;
}

async function resolvePlatform(
  request: SolveRequest,
  { dockerfile }: Definition,
  options: { platform: Platform | undefined; buildPlatform: Platform; contexts: NamedContexts; images: ImageLookup },
): Promise<ResolvedPlatform> {
  const { contexts, images } = options;
  const build = normalisePlatform(options.buildPlatform);
  const platform = options.platform ?? build;
  const globals = globalArguments(dockerfile, request, { build, target: platform });
  const epochSeconds = sourceDateEpoch(request, globals);
  if (epochSeconds !== undefined) globals.set("SOURCE_DATE_EPOCH", String(epochSeconds));
  const table = createStageTable(dockerfile, { globals, target: platform, contexts });
  const target = findTarget(table, request.target);
  const reached = await resolveStages(table, target, {
    images,
    contexts,
    sources: request.namedContexts,
    target: platform,
  });
  return { wanted: options.platform, platform, globals, epochSeconds, table, target, reached };
}

function planPlatform(
  request: SolveRequest,
  { dockerfile }: Definition,
  resolved: ResolvedPlatform & { graph: GraphBuilder; severalPlatforms: boolean },
): TargetPlan {
  const { graph, severalPlatforms, globals, platform, epochSeconds, reached, target, table, wanted } = resolved;
  const { escape } = dockerfile.directives;
  const planner = { graph, request, escape, globals, target: platform, severalPlatforms, epochSeconds };
  const state = planStages(table.nodes, { reached, target, planner });
  for (const [name, value] of Object.entries(request.labels)) state.image.labels.set(name, value);
  return finishTarget(state, wanted);
}

function argumentWarnings({ buildArgs }: SolveRequest, { dockerfile, file }: Definition): BuildWarning[] {
  const message = unconsumedArguments(dockerfile, buildArgs);
  if (message === undefined) return [];
  return [{ rule: "", description: "", url: "", message, fileName: file.name, locations: [], source: file.text }];
}
