import { DockerfileError } from "../../formats/dockerfile/dockerfile-error.ts";
import { type Platform, parsePlatformSpecifier } from "../../formats/oci/platform.ts";
import type { SolveRequest } from "../builder.ts";
import type { BuildWarning } from "../events.ts";
import { unconsumedArguments } from "./build-arguments.ts";
import { checkBuild } from "./check-build.ts";
import { showProblem } from "./dockerfile-problem.ts";
import { createGraphBuilder, type GraphBuilder } from "./graph-builder.ts";
import { createNamedContexts } from "./named-contexts.ts";
import type { BuildPlan, FrontendDeps, TargetPlan } from "./plan.ts";
import { planPlatform, type ResolvedPlatform, resolvePlatform } from "./plan-platform.ts";
import { finishTarget } from "./plan-stages.ts";
import { type Definition, namedPatterns, readDefinition } from "./read-definition.ts";
import { createImageLookup } from "./resolve-stages.ts";
import type { StageState } from "./stage-state.ts";

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
  const platforms = targetPlatforms(request);
  const options = {
    buildPlatform: deps.buildPlatform,
    contexts: createNamedContexts(request.namedContexts),
    images: createImageLookup(deps),
    allStages: false,
  };
  // Every platform's images are asked for at the same time.
  const resolved = await Promise.all(
    platforms.map((wanted) => resolvePlatform(request, definition, { ...options, wanted })),
  );
  const graph = createGraphBuilder();
  const severalPlatforms = showsPlatforms(request, platforms.length);
  const targets = resolved.map((platform) => planTarget(request, definition, { ...platform, graph, severalPlatforms }));
  const [first] = resolved as [ResolvedPlatform];
  return {
    graph: graph.finish(),
    targets,
    warnings: [...plainWarnings(request, definition), ...checkWarnings(request, definition, first)],
    ignore: { context: definition.ignore, ...(await namedPatterns(graph.contexts(), request, deps)) },
    epochSeconds: first.epochSeconds,
    cacheMountNamespace: request.buildArgs.BUILDKIT_CACHE_MOUNT_NS ?? "",
  };
}

/** Each once; a single undefined: none was asked for. */
function targetPlatforms({ platforms }: SolveRequest): (Platform | undefined)[] {
  if (platforms.length === 0) return [undefined];
  const unique = new Map(platforms.map((text) => [JSON.stringify(parsePlatformSpecifier(text)), text]));
  return [...unique.values()].map(parsePlatformSpecifier);
}

function showsPlatforms({ buildArgs }: SolveRequest, count: number): boolean {
  const told = buildArgs.BUILDKIT_MULTI_PLATFORM;
  return count > 1 || (told !== undefined && ["1", "t", "T", "true", "TRUE", "True"].includes(told));
}

function planTarget(
  request: SolveRequest,
  definition: Definition,
  resolved: ResolvedPlatform & { graph: GraphBuilder; severalPlatforms: boolean },
): TargetPlan {
  const states = planPlatform(request, definition, resolved);
  const state = states.get(resolved.stage) as StageState;
  for (const [name, value] of Object.entries(request.labels)) state.image.labels.set(name, value);
  const steps = [...states.values()].flatMap(({ instructions }) => instructions);
  return { ...finishTarget(state, resolved.wanted), steps };
}

/** Repositories of the frontend whose language is built in; others are images of a program that is not run. */
const OWN_SYNTAX = /(^|\/)docker\/dockerfile(-upstream)?([:@]|$)/;

/** What is to be said besides the checks. */
function plainWarnings({ buildArgs }: SolveRequest, { dockerfile, file }: Definition): BuildWarning[] {
  const syntax = (buildArgs.BUILDKIT_SYNTAX ?? dockerfile.directives.syntax ?? "").split(" ", 1)[0] as string;
  const isForeign = syntax !== "" && !OWN_SYNTAX.test(syntax);
  const messages = [
    ...(isForeign ? [`[Warning] syntax ${syntax} is not fetched: the file is read as a Dockerfile`] : []),
    unconsumedArguments(dockerfile, buildArgs),
  ];
  return messages
    .filter((message) => message !== undefined)
    .map((message) => ({
      rule: "",
      description: "",
      url: "",
      message,
      fileName: file.name,
      locations: [],
      source: file.text,
    }));
}

/** Throws where the Dockerfile wants what the checks find to be an error (`check=error=true`). */
function checkWarnings(request: SolveRequest, definition: Definition, resolved: ResolvedPlatform): BuildWarning[] {
  const { findings, failure } = checkBuild(request, definition, resolved);
  if (failure !== undefined) throw new DockerfileError(failure, findings[0]?.locations[0]);
  return findings;
}
