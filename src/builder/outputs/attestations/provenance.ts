import { formatPlatform, hostPlatform } from "../../../formats/oci/platform.ts";
import type { ContextSource, SolvedTarget, SolveRequest } from "../../builder.ts";
import type { Graph } from "../../graph.ts";
import type { Predicate } from "../export-context.ts";
import { buildSteps } from "./build-steps.ts";
import { imagePackageUrl } from "./package-url.ts";
import { withoutCredentials } from "./without-credentials.ts";

const BUILD_TYPE = "https://mobyproject.org/buildkit@v1";
const METADATA = `${BUILD_TYPE}#metadata`;
const COMPLETENESS = `${BUILD_TYPE}#completeness`;
const REPRODUCIBLE = `${BUILD_TYPE}#reproducible`;
const FRONTEND = "dockerfile.v0";

export interface ProvenanceInput {
  ref: string;
  request: SolveRequest;
  target: SolvedTarget;
  startedAt: Date;
  finishedAt: Date;
  /** For mode max; undefined: not known. */
  source: BuildSource | undefined;
}

/** What was built, in full. */
export interface BuildSource {
  graph: Graph;
  dockerfile: { name: string; content: Uint8Array };
}

/**
 * What an image was built of, and how. `min`: without values of build arguments, names of secrets, the file and the steps. What is in
 * a secret nobody tells: it is not in a request or its steps. Credentials within URLs are left out.
 * @see SLSA provenance v0.2 and v1; BuildKit docs/attestations/slsa-provenance.md. Pure.
 */
export function provenance(input: ProvenanceInput): Predicate {
  const { attestations } = input.request;
  const parts = partsOf(input);
  const value = attestations.provenanceVersion === "v1" ? encodeV1(parts) : encodeV02(parts);
  const type = `https://slsa.dev/provenance/${attestations.provenanceVersion ?? "v0.2"}`;
  return { type, value, fileName: "provenance.json" };
}

type Parts = ReturnType<typeof partsOf>;

function partsOf({ ref, request, target, startedAt, finishedAt, source }: ProvenanceInput) {
  const { attestations, context } = request;
  const isMax = attestations.provenance === "max";
  const full = isMax ? source : undefined;
  const materials = target.materials.map(({ uri, digest }) => ({
    uri: uriOf(uri, target),
    ...(digest === undefined ? {} : { digest: digestSet(digest) }),
  }));
  const locals = localNames(request);
  const where = context === undefined ? undefined : remoteUrl(context);
  const config = target.materials.find(({ uri }) => uri === where)?.digest;
  return {
    builderId: attestations.builderId ?? "",
    ref,
    startedAt: startedAt.toISOString(),
    finishedAt: finishedAt.toISOString(),
    reproducible: attestations.reproducible ?? false,
    materials,
    isComplete: locals.length === 0,
    configSource: {
      ...(where === undefined ? {} : { uri: withoutCredentials(where) }),
      ...(config === undefined ? {} : { digest: digestSet(config) }),
      entryPoint: request.fileName,
    },
    parameters: {
      frontend: FRONTEND,
      args: parameters(request, isMax),
      ...(locals.length === 0 ? {} : { locals: locals.map((name) => ({ name })) }),
      ...clientNames(full?.graph),
    },
    platform: formatPlatform(hostPlatform()),
    buildConfig: full === undefined ? undefined : { llbDefinition: buildSteps(full.graph) },
    metadata:
      full === undefined
        ? {}
        : {
            source: {
              infos: [
                {
                  filename: full.dockerfile.name,
                  language: "Dockerfile",
                  data: Buffer.from(full.dockerfile.content).toString("base64"),
                },
              ],
            },
          },
  };
}

function encodeV02(parts: Parts): object {
  const { parameters, configSource, platform, materials, buildConfig } = parts;
  return {
    builder: { id: parts.builderId },
    buildType: BUILD_TYPE,
    materials,
    invocation: { configSource, parameters, environment: { platform } },
    ...(buildConfig === undefined ? {} : { buildConfig }),
    metadata: {
      buildInvocationID: parts.ref,
      buildStartedOn: parts.startedAt,
      buildFinishedOn: parts.finishedAt,
      completeness: { parameters: true, environment: true, materials: parts.isComplete },
      reproducible: parts.reproducible,
      [METADATA]: parts.metadata,
    },
  };
}

function encodeV1(parts: Parts): object {
  const { parameters, configSource, platform, materials, buildConfig } = parts;
  const { entryPoint, ...source } = configSource;
  return {
    buildDefinition: {
      buildType: BUILD_TYPE,
      externalParameters: {
        configSource: { ...source, path: entryPoint },
        parameters,
        ...(buildConfig === undefined ? {} : { buildConfig }),
      },
      internalParameters: { environment: { platform } },
      resolvedDependencies: materials,
    },
    runDetails: {
      builder: { id: parts.builderId },
      metadata: {
        invocationID: parts.ref,
        startedOn: parts.startedAt,
        finishedOn: parts.finishedAt,
        [METADATA]: parts.metadata,
        [COMPLETENESS]: { parameters: true, environment: true, materials: parts.isComplete },
        [REPRODUCIBLE]: parts.reproducible,
      },
    },
  };
}

/** BuildKit's names of what a client asks for. Values of arguments may be passwords: only `max` has them. */
function parameters(request: SolveRequest, isMax: boolean): Record<string, string> {
  const { target, noCache, namedContexts, buildArgs, labels, network } = request;
  const named = Object.entries(namedContexts).flatMap(([name, source]) => {
    const url = remoteUrl(source);
    return url === undefined ? [] : [[`context:${name}`, withoutCredentials(url)] as const];
  });
  return {
    ...(target === "" ? {} : { target }),
    ...(noCache === undefined ? {} : { "no-cache": noCache.join(",") }),
    ...(network === "" || network === "default" ? {} : { "force-network-mode": network }),
    ...Object.fromEntries(named),
    ...(isMax ? prefixed("build-arg:", buildArgs) : {}),
    ...(isMax ? prefixed("label:", labels) : {}),
  };
}

function prefixed(prefix: string, values: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, withoutCredentials(value)]));
}

/** Directories and archives of the client: what is in them is not said. */
function localNames({ context, dockerfile, namedContexts }: SolveRequest): string[] {
  const sources = { ...(context && { context }), ...(dockerfile && { dockerfile }), ...namedContexts };
  return Object.entries(sources)
    .filter(([, { kind }]) => kind === "session" || kind === "archive")
    .map(([name]) => name);
}

function remoteUrl(source: ContextSource): string | undefined {
  switch (source.kind) {
    case "http":
    case "git":
      return source.url;
    case "image":
      return `docker-image://${source.reference}`;
    case "session":
    case "archive":
    case "result":
    case "layout":
      return undefined;
  }
}

/** Secrets and agents that steps ask for, by name. */
function clientNames(graph: Graph | undefined): { secrets?: object[]; ssh?: object[] } {
  const mounts =
    graph?.vertices.flatMap(({ op }) => (op.kind === "run" ? op.mounts.map(({ mount }) => mount) : [])) ?? [];
  const of = (type: "secret" | "ssh") => {
    const found = mounts.flatMap((mount) => (mount.type === type ? [mount] : []));
    return [
      ...new Map(found.map(({ id, required }) => [id, { id, ...(required ? {} : { optional: true }) }])).values(),
    ];
  };
  const [secrets, ssh] = [of("secret"), of("ssh")];
  return { ...(secrets.length === 0 ? {} : { secrets }), ...(ssh.length === 0 ? {} : { ssh }) };
}

function uriOf(uri: string, { platform }: SolvedTarget): string {
  if (uri.startsWith("pkg:") || uri.includes("://") || uri.startsWith("image:")) return withoutCredentials(uri);
  try {
    return imagePackageUrl(uri, platform);
  } catch {
    // An ID, or a repository by its ssh address: they are their own names.
    return uri;
  }
}

/** `sha256:…`, or what git calls a commit. */
function digestSet(digest: string): Record<string, string> {
  const [algorithm = "", hex] = digest.split(":");
  if (hex !== undefined) return { [algorithm]: hex };
  return { [digest.length === 64 ? "sha256" : "sha1"]: digest };
}
