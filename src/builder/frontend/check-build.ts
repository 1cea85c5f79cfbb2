import type { BaseImage } from "../../formats/dockerfile/checks/check-input.ts";
import { type CheckResult, runChecks } from "../../formats/dockerfile/checks/run-checks.ts";
import type { Stage } from "../../formats/dockerfile/instructions.ts";
import type { SolveRequest } from "../builder.ts";
import { platformArguments } from "./build-arguments.ts";
import { imageOf } from "./image-state.ts";
import type { ResolvedPlatform } from "./plan-platform.ts";
import type { Definition } from "./read-definition.ts";

/** Runs the build checks with what only the frontend knows: images, ignore patterns, arguments and which stages are built. */
export function checkBuild(
  request: SolveRequest,
  { dockerfile, file, ignore }: Definition,
  { table, reached, build, target }: Pick<ResolvedPlatform, "table" | "reached" | "build" | "target">,
): CheckResult {
  const { buildArgs } = request;
  const built = [...reached].filter((node) => node.replacedBy === undefined);
  return runChecks({
    dockerfile,
    source: file.text,
    fileName: file.name,
    buildArgs,
    platformArgs: platformArguments(dockerfile.stages, request, { build, target }),
    ignorePatterns: ignore.length === 0 ? undefined : ignore,
    baseImage: (stage) => baseImage(table.nodes, stage),
    reachable: new Set(built.flatMap(({ stage }) => (stage === undefined ? [] : [stage.index]))),
  });
}

function baseImage(nodes: ResolvedPlatform["table"]["nodes"], stage: Stage): BaseImage | undefined {
  const root = nodes.find((node) => node.stage === stage)?.root;
  if (root === undefined) return undefined;
  if (root.kind !== "image") return { env: [], hasShell: false };
  const { environment, shell } = imageOf(root.image.document);
  return { env: environment, hasShell: shell.length > 0 };
}
