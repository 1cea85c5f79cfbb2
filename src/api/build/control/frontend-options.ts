import { EngineError, invalid, messageOf } from "../../../base/errors.ts";
import type {
  Attestations,
  CacheSpec,
  ContextSource,
  SolvedTarget,
  SolveRequest,
  Subrequest,
} from "../../../builder/builder.ts";
import type { BuildResources } from "../../../builder/graph.ts";
import { Fields } from "../../fields.ts";
import { parseDigest } from "../../../formats/oci/digest.ts";
import { parseJson } from "../../json.ts";
import { sessionContext } from "../context-of-query.ts";
import type { GrpcSession } from "../session/grpc-session.ts";
import { provenanceOptions } from "../provenance-options.ts";
import { blankRequest, epochOf, registryCache, remoteContext } from "../solve-request.ts";

/** FrontendOpt of a `dockerfile.v0` build. @see BuildKit frontend/dockerui/config.go, buildx build/opt.go */
export type FrontendOptions = ReadonlyMap<string, string>;

export interface OptionsContext {
  session: GrpcSession | undefined;
  signal: AbortSignal;
  entitlements: string[];
  cacheImports: CacheSpec[];
  /** What a context `input:NAME` stands for. Throws not-found; undefined: nothing, an empty tree. */
  input: (name: string) => SolvedTarget | undefined;
}

const SUBREQUESTS: Record<string, Subrequest> = {
  "frontend.lint": "check",
  "frontend.outline": "outline",
  "frontend.targets": "targets",
};

/** What is asked instead of a build. Throws not-implemented for what this frontend does not know, in BuildKit's words. */
export function subrequestOf(options: FrontendOptions): Subrequest | "describe" | undefined {
  const id = options.get("requestid") ?? "";
  if (id === "") return undefined;
  if (id === "frontend.subrequests.describe") return "describe";
  const call = SUBREQUESTS[id];
  if (call === undefined) throw new EngineError("not-implemented", `unknown request ${JSON.stringify(id)}`);
  return call;
}

/** Throws invalid-argument for a value that cannot be read, not-implemented for what needs foreign build definitions. */
export function solveRequestOfOptions(options: FrontendOptions, context: OptionsContext): SolveRequest {
  const text = (name: string) => options.get(name) ?? "";
  const buildArgs = prefixed(options, "build-arg:");
  return {
    ...blankRequest(),
    ...contextsOf(options, context),
    ...(text("filename") === "" ? {} : { fileName: text("filename") }),
    target: text("target"),
    platforms: splitList(text("platform")),
    buildArgs,
    labels: prefixed(options, "label:"),
    noCache: options.has("no-cache") ? splitList(text("no-cache")) : undefined,
    pull: text("image-resolve-mode") === "pull",
    cacheFrom: [...context.cacheImports, ...cacheImportsOf(options)],
    network: text("force-network-mode") || "default",
    extraHosts: splitList(text("add-hosts")).map((one) => one.replace("=", ":")),
    hostname: text("hostname"),
    shmSizeBytes: text("shm-size") === "" ? undefined : wholeNumber("shm-size", text("shm-size")),
    ulimits: splitList(text("ulimit")).map(ulimitOf),
    cgroupParent: text("cgroup-parent"),
    resources: resourcesOf(options),
    entitlements: context.entitlements,
    epochSeconds: epochOf(buildArgs),
    attestations: attestationsOf(options),
  };
}

function contextsOf(
  options: FrontendOptions,
  context: OptionsContext,
): Pick<SolveRequest, "context" | "contextSubdirectory" | "dockerfile" | "namedContexts"> {
  const main = options.get("context") ?? "";
  const fileKey = options.get("dockerfilekey");
  const remote = main !== "";
  const named = Object.entries(prefixed(options, "context:"));
  const subdirectory = options.get("contextsubdir") ?? "";
  return {
    // A directory of the client is what it is: the client itself looks below.
    ...(remote && subdirectory !== "" ? { contextSubdirectory: subdirectory } : {}),
    context: remote ? sourceOf(main, context) : localContext(options.get("contextkey") ?? "context", options, context),
    // A remote context has its own Dockerfile, unless the client says where another one is.
    dockerfile: remote && fileKey === undefined ? undefined : localContext(fileKey ?? "dockerfile", options, context),
    namedContexts: Object.fromEntries(named.map(([name, value]) => [name, namedSource(value, options, context)])),
  };
}

function localContext(name: string, options: FrontendOptions, { session }: OptionsContext): ContextSource | undefined {
  if (session === undefined) return undefined;
  const sharedKey = options.get(`sharedkey:localdir:${name}`);
  return sharedKey === undefined ? sessionContext(session, name) : { kind: "session", name, sharedKey };
}

function namedSource(value: string, options: FrontendOptions, context: OptionsContext): ContextSource {
  const image = /^docker-image:\/\/(.*)$/.exec(value);
  if (image !== null) return { kind: "image", reference: image[1] ?? "" };
  const input = /^input:(.*)$/.exec(value)?.[1];
  if (input !== undefined) return inputSource(input, options, context);
  const layout = /^oci-layout:\/\/(.*)$/.exec(value)?.[1];
  if (layout !== undefined) return layoutSource(layout);
  const local = /^local:(.*)$/.exec(value);
  if (local === null) return sourceOf(value, context);
  const source = localContext(local[1] ?? "", options, context);
  if (source === undefined) throw invalid(`context ${value} needs a session`);
  return source;
}

/** The config is the client's to send; without one it is files alone. @see buildx build/build.go `waitContextDeps` */
function inputSource(name: string, options: FrontendOptions, { input }: OptionsContext): ContextSource {
  const target = input(name);
  if (target === undefined) return { kind: "image", reference: "scratch" };
  const text = options.get(`input-metadata:${name}`);
  const metadata = text === undefined ? undefined : new Fields(parseJson(text), "InputMetadata");
  const config = metadata?.string("containerimage.config") ?? "";
  const { os, architecture, variant } = target.platform;
  const bare = { os, architecture, ...(variant === undefined ? {} : { variant }) };
  return { kind: "result", target, config: config === "" ? bare : decodeConfig(config) };
}

/** `store[:tag]@digest`; the tag is for people. @see BuildKit client/solve.go: the prefix of such stores */
function layoutSource(text: string): ContextSource {
  const [, store = "", digest = ""] = /^([^:@]+)(?::[^@]*)?(?:@(.+))?$/.exec(text) ?? [];
  if (digest === "") throw invalid(`oci-layout reference ${JSON.stringify(text.slice(0, 256))} has no digest`);
  return { kind: "layout", store: `oci:${store}`, digest: parseDigest(digest) };
}

/** Go writes bytes in base64. */
function decodeConfig(text: string): Record<string, unknown> {
  const config = parseJson(Buffer.from(text, "base64").toString());
  if (typeof config === "object" && config !== null && !Array.isArray(config)) return { ...config };
  throw invalid("the image config of a context is no object");
}

function sourceOf(value: string, { session, signal }: OptionsContext): ContextSource {
  if (/^(oci-layout|target):/.test(value)) {
    throw new EngineError("not-implemented", `context ${value} is not supported by this engine`);
  }
  if (!value.startsWith("http://buildkit-session/")) return remoteContext(value);
  if (session === undefined) throw invalid(`context ${value} needs a session`);
  return { kind: "archive", archive: session.upload(new URL(value), signal) };
}

/** Options of a family, by what follows the prefix. */
function prefixed(options: FrontendOptions, prefix: string): Record<string, string> {
  const entries = [...options].filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(prefix.length), value]));
}

/** Comma-separated; values that hold commas are quoted, as CSV. */
function splitList(text: string): string[] {
  const fields = text.match(/"(?:[^"]|"")*"|[^,]+/g) ?? [];
  return fields
    .map((one) => (one.startsWith('"') ? one.slice(1, -1).replaceAll('""', '"') : one).trim())
    .filter(Boolean);
}

function ulimitOf(text: string): { name: string; soft: number; hard: number } {
  const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text);
  if (match === null) throw invalid(`invalid ulimit argument: ${text}`);
  const soft = Number(match[2]);
  return { name: match[1] ?? "", soft, hard: match[3] === undefined ? soft : Number(match[3]) };
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(number)) throw invalid(`invalid ${name}: ${text}`);
  return number;
}

const RESOURCES = {
  memory: "memoryBytes",
  memswap: "memorySwapBytes",
  cpushares: "cpuShares",
  cpuperiod: "cpuPeriodUs",
  cpuquota: "cpuQuotaUs",
} as const satisfies Record<string, keyof BuildResources>;

function resourcesOf(options: FrontendOptions): BuildResources {
  const resources: BuildResources = {};
  for (const [name, key] of Object.entries(RESOURCES)) {
    const text = options.get(name) ?? "";
    if (text !== "") resources[key] = wholeNumber(name, text);
  }
  const [cpus, mems] = [options.get("cpusetcpus") ?? "", options.get("cpusetmems") ?? ""];
  return { ...resources, ...(cpus === "" ? {} : { cpusetCpus: cpus }), ...(mems === "" ? {} : { cpusetMems: mems }) };
}

function cacheImportsOf(options: FrontendOptions): CacheSpec[] {
  const text = options.get("cache-imports") ?? "";
  if (text === "") return splitList(options.get("cache-from") ?? "").map(registryCache);
  try {
    const entries = new Fields({ entries: parseJson(text) }, "CacheImports").list("entries");
    return entries.map((one) => {
      const fields = new Fields(one, "CacheOptionsEntry");
      return cacheSpecOf({ type: fields.string("Type"), attributes: Object.entries(fields.stringMap("Attrs")) });
    });
  } catch (error) {
    throw invalid(`failed to unmarshal cache-imports (${text.slice(0, 256)}): ${messageOf(error)}`, { cause: error });
  }
}

/** Throws invalid-argument for a kind of cache that this engine has not. */
export function cacheSpecOf({ type, attributes }: { type: string; attributes: Iterable<[string, string]> }): CacheSpec {
  if (type !== "registry" && type !== "inline" && type !== "local") {
    throw invalid(`unknown cache exporter: ${JSON.stringify(type)}`);
  }
  return { type, attributes: Object.fromEntries(attributes) };
}

/**
 * `attest:provenance` and `attest:sbom`. `mode=min,inline-only=true` is what buildx adds by itself for engines that can; only what a
 * person asked for makes an attestation. @see BuildKit frontend/attestations/parse.go
 */
function attestationsOf(options: FrontendOptions): Attestations {
  const provenance = attestation(options, "attest:provenance");
  const none = { provenance: undefined, sbom: attestation(options, "attest:sbom") !== undefined };
  if (provenance === undefined || provenance.get("inline-only") === "true") return none;
  return {
    ...none,
    provenance: provenance.get("mode") === "max" ? "max" : "min",
    ...provenanceOptions(Object.fromEntries(provenance)),
  };
}

/** What is wanted of one; undefined: it is not. */
function attestation(options: FrontendOptions, name: string): Map<string, string> | undefined {
  const text = options.get(name);
  if (text === undefined || text === "false") return undefined;
  const values = new Map(splitList(text).map((one) => one.split(/=(.*)/s, 2) as [string, string]));
  return values.get("disabled") === "true" ? undefined : values;
}
