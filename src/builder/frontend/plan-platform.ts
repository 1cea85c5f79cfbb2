import { normalisePlatform, type Platform } from "../../formats/oci/platform.ts";
import type { SolveRequest } from "../builder.ts";
import { globalArguments, sourceDateEpoch } from "./build-arguments.ts";
import type { Environment } from "./environment.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import type { NamedContexts } from "./named-contexts.ts";
import { planStages } from "./plan-stages.ts";
import type { Definition } from "./read-definition.ts";
import { type ImageLookup, resolveStages } from "./resolve-stages.ts";
import type { StageNode } from "./stage-node.ts";
import type { StageState } from "./stage-state.ts";
import { createStageTable, findTarget, type StageTable } from "./stage-table.ts";

/** What is asked of the outside for one platform. */
export interface PlatformOptions {
  /** undefined: none was asked for, so it is the host's, or the base's. */
  wanted: Platform | undefined;
  buildPlatform: Platform;
  contexts: NamedContexts;
  images: ImageLookup;
  /** Every stage of the file is looked at, not only what the target needs. */
  allStages: boolean;
}

/** The stages for one platform, and all that is known before the first instruction. */
export interface ResolvedPlatform {
  wanted: Platform | undefined;
  build: Platform;
  target: Platform;
  globals: Environment;
  epochSeconds: number | undefined;
  table: StageTable;
  /** The stage that is wanted. */
  stage: StageNode;
  reached: Set<StageNode>;
}

export async function resolvePlatform(
  request: SolveRequest,
  { dockerfile }: Definition,
  { wanted, buildPlatform, contexts, images, allStages }: PlatformOptions,
): Promise<ResolvedPlatform> {
  const build = normalisePlatform(buildPlatform);
  const target = wanted ?? build;
  const globals = globalArguments(dockerfile, request, { build, target });
  const epochSeconds = sourceDateEpoch(request, globals);
  if (epochSeconds !== undefined) globals.set("SOURCE_DATE_EPOCH", String(epochSeconds));
  const table = createStageTable(dockerfile, { globals, target, contexts });
  const stage = findTarget(table, request.target);
  const stages = allStages ? table.nodes.filter((node) => node.stage !== undefined) : [stage];
  const reached = await resolveStages(table, stages, { images, contexts, sources: request.namedContexts, target });
  return { wanted, build, target, globals, epochSeconds, table, stage, reached };
}

/** Adds the platform's vertices to the graph. What each stage has become. */
export function planPlatform(
  request: SolveRequest,
  { dockerfile }: Definition,
  resolved: ResolvedPlatform & { graph: GraphBuilder; severalPlatforms: boolean },
): Map<StageNode, StageState> {
  const { graph, severalPlatforms, globals, target, epochSeconds, reached, stage, table } = resolved;
  const { escape } = dockerfile.directives;
  const planner = { graph, request, escape, globals, target, severalPlatforms, epochSeconds };
  return planStages(table.nodes, { reached, target: stage, planner });
}
