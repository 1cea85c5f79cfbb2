import { EngineError } from "../../../base/errors.ts";
import { parsePlatformSpecifier } from "../../../formats/oci/platform.ts";
import type { SolveRequest, Subrequest } from "../../builder.ts";
import type { BuildWarning } from "../../events.ts";
import { checkBuild } from "../check-build.ts";
import { showProblem } from "../dockerfile-problem.ts";
import { createGraphBuilder } from "../graph-builder.ts";
import { createNamedContexts } from "../named-contexts.ts";
import type { FrontendDeps } from "../plan.ts";
import { planPlatform, type ResolvedPlatform, resolvePlatform } from "../plan-platform.ts";
import { type Definition, readDefinition } from "../read-definition.ts";
import { createImageLookup } from "../resolve-stages.ts";
import type { StageNode } from "../stage-node.ts";
import type { StageState } from "../stage-state.ts";
import { lintAnswer } from "./lint.ts";
import { outlineStage } from "./outline.ts";
import { listTargets } from "./targets.ts";

/** As BuildKit's `result.json` and `result.txt`. */
export interface SubrequestAnswer {
  json: string;
  text: string;
  warnings: BuildWarning[];
}

/**
 * Answers what was asked instead of a build (`--call`). Nothing is built; of images only the config is looked at, so `resolveImage` may
 * leave their layers where they are. `targets` asks for no image at all. Throws what `planBuild` throws, but for a check: there
 * what is wrong is part of the answer, if only the file can be parsed.
 */
export async function answerSubrequest(
  call: Subrequest,
  request: SolveRequest,
  deps: FrontendDeps,
): Promise<SubrequestAnswer> {
  const definition = await readDefinition(request, deps);
  if (call === "targets") return { ...listTargets(definition), warnings: [] };
  if (call === "check") return await check(request, definition, deps);
  try {
    const resolved = await resolve(request, definition, { deps, allStages: false });
    return { ...outlineStage(definition, resolved, dryRun(request, definition, resolved)), warnings: [] };
  } catch (error) {
    throw showProblem(error, definition.file);
  }
}

/** Without a target every stage is looked at. */
async function check(request: SolveRequest, definition: Definition, deps: FrontendDeps): Promise<SubrequestAnswer> {
  let warnings: BuildWarning[] = [];
  try {
    const resolved = await resolve(request, definition, { deps, allStages: request.target === "" });
    warnings = checkBuild(request, definition, resolved).findings;
    dryRun(request, definition, resolved);
    return { ...lintAnswer(definition.file, warnings, undefined), warnings };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { ...lintAnswer(definition.file, warnings, error), warnings };
  }
}

async function resolve(
  request: SolveRequest,
  definition: Definition,
  { deps, allStages }: { deps: FrontendDeps; allStages: boolean },
): Promise<ResolvedPlatform> {
  const [platform] = request.platforms;
  return await resolvePlatform(request, definition, {
    wanted: platform === undefined ? undefined : parsePlatformSpecifier(platform),
    buildPlatform: deps.buildPlatform,
    contexts: createNamedContexts(request.namedContexts),
    images: createImageLookup(deps),
    allStages,
  });
}

/** Carries out the instructions for a graph that nobody looks at. */
function dryRun(request: SolveRequest, definition: Definition, resolved: ResolvedPlatform): Map<StageNode, StageState> {
  return planPlatform(request, definition, { ...resolved, graph: createGraphBuilder(), severalPlatforms: false });
}
