import { invalid } from "../../base/errors.ts";
import type { CacheSpec, ContextSource, Output, SolveRequest } from "../../builder/builder.ts";
import type { BuildResources } from "../../builder/graph.ts";
import type { RegistryCredentials } from "../../images/distribution.ts";
import type { BuildQuery } from "./build-query.ts";

/** A build with nothing asked for. */
export function blankRequest(): SolveRequest {
  return {
    context: undefined,
    dockerfile: undefined,
    namedContexts: {},
    fileName: "Dockerfile",
    target: "",
    platforms: [],
    buildArgs: {},
    labels: {},
    noCache: undefined,
    pull: false,
    cacheFrom: [],
    network: "default",
    extraHosts: [],
    hostname: "",
    shmSizeBytes: undefined,
    ulimits: [],
    cgroupParent: "",
    resources: {},
    entitlements: [],
    squash: false,
    epochSeconds: undefined,
    accounts: {},
    attestations: { provenance: undefined, sbom: false },
  };
}

/** What the query asks for. Pure. */
export function solveRequestOf(
  query: BuildQuery,
  from: Pick<SolveRequest, "context" | "dockerfile" | "accounts">,
): SolveRequest {
  const { buildArgs } = query;
  return {
    ...blankRequest(),
    ...from,
    ...(query.dockerfile === "" || query.dockerfile === "." ? {} : { fileName: query.dockerfile }),
    target: query.target,
    platforms: query.platform === "" ? [] : query.platform.split(","),
    buildArgs,
    labels: query.labels,
    noCache: query.noCache ? [] : undefined,
    pull: query.pull,
    cacheFrom: query.cacheFrom.map(registryCache),
    network: networkOf(query.networkMode),
    extraHosts: query.extraHosts,
    shmSizeBytes: query.shmSizeBytes,
    ulimits: query.ulimits,
    cgroupParent: query.cgroupParent,
    resources: resourcesOf(query),
    entitlements: query.networkMode === "host" ? ["network.host"] : [],
    squash: query.squash,
    epochSeconds: epochOf(buildArgs),
  };
}

export function registryCache(reference: string): CacheSpec {
  return { type: "registry", attributes: { ref: reference } };
}

/** BUILDKIT_INLINE_CACHE=1: the image holds its cache, too. */
export function inlineCacheOf(buildArgs: Record<string, string>): CacheSpec[] {
  const value = buildArgs["BUILDKIT_INLINE_CACHE"] ?? "";
  return /^(1|t|true)$/i.test(value) ? [{ type: "inline", attributes: {} }] : [];
}

/** SOURCE_DATE_EPOCH is an argument like any other, and an order. Throws invalid-argument. */
export function epochOf(buildArgs: Record<string, string>): number | undefined {
  const text = buildArgs["SOURCE_DATE_EPOCH"] ?? "";
  if (text === "") return undefined;
  if (!/^\d{1,12}$/.test(text)) throw invalid(`invalid SOURCE_DATE_EPOCH: ${text}`);
  return Number(text);
}

function networkOf(mode: string): string {
  return mode === "" || mode === "bridge" ? "default" : mode;
}

function resourcesOf(query: BuildQuery): BuildResources {
  const { memoryBytes, memorySwapBytes, cpuShares, cpuPeriodUs, cpuQuotaUs, cpusetCpus, cpusetMems } = query;
  return {
    ...(memoryBytes === 0 ? {} : { memoryBytes }),
    ...(memorySwapBytes === 0 ? {} : { memorySwapBytes }),
    ...(cpuShares === 0 ? {} : { cpuShares }),
    ...(cpuPeriodUs === 0 ? {} : { cpuPeriodUs }),
    ...(cpuQuotaUs === 0 ? {} : { cpuQuotaUs }),
    ...(cpusetCpus === "" ? {} : { cpusetCpus }),
    ...(cpusetMems === "" ? {} : { cpusetMems }),
  };
}

/** Accounts by host, of `X-Registry-Config`: its keys are hosts or addresses, Hub's is `https://index.docker.io/v1/`. */
export function accountsOf(config: Record<string, RegistryCredentials>): SolveRequest["accounts"] {
  const entries = Object.entries(config).map(([address, { username, password, identityToken }]) => {
    const host = address.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
    return [host === "index.docker.io" ? "docker.io" : host, { username, password, identityToken }] as const;
  });
  return Object.fromEntries(entries);
}

/** A remote context. Throws invalid-argument for what is no address. @see moby remotecontext/urlutil */
export function remoteContext(remote: string): ContextSource {
  if (/^(git:\/\/|github\.com\/|git@)|^https?:\/\/[^?#]*\.git(?:[?#].*)?$/.test(remote))
    return { kind: "git", url: remote };
  if (/^https?:\/\//.test(remote)) return { kind: "http", url: remote };
  throw invalid(`remoteURL (${remote}) could not be recognized as URL`);
}

/** Where the result goes; `names` are the images' names. Throws invalid-argument for an exporter that there is not. */
export function outputOf(
  { type, attributes, id = "" }: { type: string; attributes: Record<string, string>; id?: string },
  names: string[],
): Output {
  switch (type) {
    case "moby":
    case "image":
      return { type: "image", names, push: /^(1|t|true)$/i.test(attributes["push"] ?? ""), attributes };
    case "local":
    case "tar":
    case "oci":
    case "docker":
      return { type, id, names, attributes };
    case "cacheonly":
    case "":
      return { type: "none" };
    default:
      throw invalid(`exporter ${JSON.stringify(type)} could not be found`);
  }
}
