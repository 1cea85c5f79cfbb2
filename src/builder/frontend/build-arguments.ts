import { DockerfileError } from "../../formats/dockerfile/dockerfile-error.ts";
import { expandWord } from "../../formats/dockerfile/expand.ts";
import type { Dockerfile } from "../../formats/dockerfile/instructions.ts";
import { formatPlatform, type Platform } from "../../formats/oci/platform.ts";
import type { SolveRequest } from "../builder.ts";
import { blaming } from "./dockerfile-problem.ts";
import { Environment } from "./environment.ts";

/** May be given without an ARG; reach every RUN, but neither its history nor its cache key. */
export const PROXY_ARGUMENTS = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];

const PLATFORM_ARGUMENTS = [
  "BUILDPLATFORM",
  "BUILDOS",
  "BUILDARCH",
  "BUILDVARIANT",
  "TARGETPLATFORM",
  "TARGETOS",
  "TARGETARCH",
  "TARGETVARIANT",
  "TARGETSTAGE",
] as const;
type PlatformArgument = (typeof PLATFORM_ARGUMENTS)[number];

/** Given to the builder rather than to the Dockerfile. @see BuildKit frontend/dockerfile/docs/reference.md "BuildKit built-in build args" */
const BUILDER_ARGUMENT = /^(BUILDKIT_.*|SOURCE_DATE_EPOCH)$/;

/**
 * What FROM lines see, and what a stage's `ARG NAME` takes its value from: platform arguments, then those above the first FROM. A
 * value of the request wins over every default.
 * @see BuildKit frontend/dockerfile/dockerfile2llb/convert.go `defaultArgs`, `buildMetaArgs`
 */
export function globalArguments(
  { directives, metaArgs, stages }: Dockerfile,
  { buildArgs, target }: Pick<SolveRequest, "buildArgs" | "target">,
  platforms: { build: Platform; target: Platform },
): Environment {
  const given = (name: string) => (Object.hasOwn(buildArgs, name) ? buildArgs[name] : undefined);
  const globals = new Environment();
  for (const [name, value] of Object.entries(platformArguments(stages, { buildArgs, target }, platforms))) {
    globals.set(name, value);
  }
  for (const { args, location } of metaArgs) {
    for (const { name, value } of args) {
      const lookup = (variable: string) => globals.get(variable);
      const resolved =
        given(name) ??
        (value === undefined
          ? undefined
          : blaming(location, () => expandWord(value, lookup, { escape: directives.escape })));
      if (resolved !== undefined) blaming(location, () => globals.set(name, resolved));
    }
  }
  return globals;
}

/** TARGETPLATFORM and so on. A build argument of the same name wins. */
export function platformArguments(
  stages: Dockerfile["stages"],
  { buildArgs, target }: Pick<SolveRequest, "buildArgs" | "target">,
  platforms: { build: Platform; target: Platform },
): Record<PlatformArgument, string> {
  const stageName = target === "" ? (stages.at(-1)?.from.stageName ?? "") : target;
  const values = {
    ...spreadPlatform("BUILD", platforms.build),
    ...spreadPlatform("TARGET", platforms.target),
    TARGETSTAGE: stageName,
  };
  const given = PLATFORM_ARGUMENTS.filter((name) => Object.hasOwn(buildArgs, name));
  return { ...values, ...Object.fromEntries(given.map((name) => [name, buildArgs[name]])) } as typeof values;
}

function spreadPlatform<P extends "BUILD" | "TARGET">(prefix: P, platform: Platform) {
  return {
    [`${prefix}PLATFORM`]: formatPlatform(platform),
    [`${prefix}OS`]: platform.os,
    [`${prefix}ARCH`]: platform.architecture,
    [`${prefix}VARIANT`]: platform.variant ?? "",
  } as Record<`${P}${"PLATFORM" | "OS" | "ARCH" | "VARIANT"}`, string>;
}

/**
 * SOURCE_DATE_EPOCH in seconds: of the request, a build argument, or an ARG above the first FROM. Throws invalid-argument where it is
 * no number. @see https://reproducible-builds.org/specs/source-date-epoch/
 */
export function sourceDateEpoch(request: SolveRequest, globals: Environment): number | undefined {
  if (request.epochSeconds !== undefined) return request.epochSeconds;
  const text = request.buildArgs.SOURCE_DATE_EPOCH ?? globals.get("SOURCE_DATE_EPOCH") ?? "";
  if (text === "") return undefined;
  const seconds = Number(text);
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(seconds))
    throw new DockerfileError(`invalid SOURCE_DATE_EPOCH: ${text}`);
  return seconds;
}

/** Build arguments that no ARG of the file declares. In the words of Docker's classic builder, which BuildKit kept. */
export function unconsumedArguments(
  { metaArgs, stages }: Dockerfile,
  buildArgs: Record<string, string>,
): string | undefined {
  const declared = new Set<string>();
  for (const { args } of metaArgs) for (const { name } of args) declared.add(name);
  for (const instruction of stages.flatMap((stage) => stage.instructions)) {
    const inner = instruction.kind === "onbuild" ? instruction.instruction : instruction;
    if (inner.kind === "arg") for (const { name } of inner.args) declared.add(name);
  }
  const platformNames: readonly string[] = PLATFORM_ARGUMENTS;
  const unused = Object.keys(buildArgs).filter(
    (name) =>
      !declared.has(name) &&
      !platformNames.includes(name) &&
      !PROXY_ARGUMENTS.includes(name.toUpperCase()) &&
      !BUILDER_ARGUMENT.test(name),
  );
  return unused.length === 0
    ? undefined
    : `[Warning] One or more build-args [${unused.sort().join(" ")}] were not consumed`;
}
