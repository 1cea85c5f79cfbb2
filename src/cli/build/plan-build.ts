import { parseBytes } from "../../base/go-values.ts";
import type { WireBuildRequest, WireBuildResources } from "../../wire/build-messages.ts";
import { parseUlimit } from "../container/parse-devices.ts";
import { toMap } from "../container/read-env.ts";
import type { Parsed } from "../flags/flag-set.ts";
import { platformName } from "../image/platform.ts";
import type { BuildSources } from "./locate-context.ts";
import { parseAttestations, parseCache, parseResource } from "./parse-specs.ts";
import { type PlannedOutput, parsed } from "./plan-outputs.ts";

export interface PlanInputs {
  ref: string;
  sources: Pick<BuildSources, "context" | "dockerfile" | "fileName" | "named" | "directory">;
  outputs: readonly PlannedOutput[];
  environment: Readonly<Record<string, string | undefined>>;
  /** `NAME=value` of the configured proxies. */
  proxies: readonly string[];
}

const CALLS = ["build", "check", "outline", "targets"];
const ENTITLEMENTS = ["network.host", "security.insecure"];

/** The request that the flags ask for. Throws in the words of the flags. Pure. */
export function planBuild(flags: Parsed, inputs: PlanInputs): WireBuildRequest {
  const buildArgs = planBuildArgs(flags.list("build-arg"), inputs);
  const network = flags.string("network");
  const { sources } = inputs;
  return {
    Ref: inputs.ref,
    Name: nameOf(inputs, flags.string("target")),
    Call: callOf(flags),
    Context: sources.context,
    Dockerfile: sources.dockerfile,
    NamedContexts: sources.named,
    FileName: sources.fileName,
    Target: flags.string("target"),
    Platforms: platformsOf(flags.list("platform")),
    BuildArgs: buildArgs,
    Labels: toMap(flags.list("label")),
    NoCache: noCacheOf(flags),
    Pull: flags.bool("pull"),
    CacheFrom: flags.list("cache-from").map((text) => parsed("cache-from", text, parseCache)),
    CacheTo: flags.list("cache-to").map((text) => parsed("cache-to", text, parseCache)),
    Outputs: inputs.outputs.map(({ wire }) => wire),
    Network: network,
    ExtraHosts: flags.list("add-host").map((text) => text.replace(/^([^:=]+)[:=]/, "$1:")),
    ShmSize: flags.value("shm-size", parseBytes, 0),
    Ulimits: flags.list("ulimit").map(parseUlimit),
    CgroupParent: flags.string("cgroup-parent"),
    Resources: resourcesOf(flags),
    Entitlements: entitlementsOf(flags.list("allow"), network),
    Squash: flags.bool("squash"),
    EpochSeconds: epochOf(flags, buildArgs),
    Attestations: parseAttestations(flags.list("attest"), flags.string("provenance"), flags.string("sbom")),
  };
}

/** For people: where it is built from, and which stage. */
function nameOf({ sources: { context, directory } }: PlanInputs, target: string): string {
  const url = context?.Kind === "http" || context?.Kind === "git" ? context.Url : "standard input";
  const from = directory === undefined ? url : directory.slice(directory.lastIndexOf("/") + 1) || "/";
  return target === "" ? from : `${from} (${target})`;
}

function callOf(flags: Parsed): string {
  const call = flags.bool("check") ? "check" : flags.string("call").split(",")[0] || "build";
  const plain = call === "lint" ? "check" : call.replace(/^subrequests\.|^frontend\./, "");
  if (!CALLS.includes(plain)) throw new Error(`unknown call ${JSON.stringify(call)}: one of ${CALLS.join(", ")}`);
  return plain === "build" ? "" : plain;
}

/** A name alone takes its value from our environment, and is left out where that has none. */
function planBuildArgs(given: readonly string[], { environment, proxies }: PlanInputs): Record<string, string> {
  const args = toMap(proxies);
  const epoch = environment["SOURCE_DATE_EPOCH"];
  if (epoch !== undefined && epoch !== "") args["SOURCE_DATE_EPOCH"] = epoch;
  for (const text of given) {
    const equals = text.indexOf("=");
    if (equals === 0 || text === "")
      throw new Error(`invalid argument ${JSON.stringify(text)} for "--build-arg": no name`);
    const value = equals < 0 ? environment[text] : text.slice(equals + 1);
    if (value !== undefined) args[equals < 0 ? text : text.slice(0, equals)] = value;
  }
  return args;
}

function epochOf(flags: Parsed, buildArgs: Record<string, string>): number | null {
  const text = flags.changed("timestamp") ? flags.string("timestamp") : (buildArgs["SOURCE_DATE_EPOCH"] ?? "");
  if (text === "") return null;
  const seconds = Number(text);
  // `context` is BuildKit's word for the time of a git commit, which only the daemon can see.
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(seconds)) {
    if (text === "context") return null;
    throw new Error(`invalid SOURCE_DATE_EPOCH: ${text}: seconds since 1970 are a whole number`);
  }
  return seconds;
}

function platformsOf(given: readonly string[]): string[] {
  return given
    .flatMap((text) => text.split(","))
    .map((text) => text.trim())
    .filter((text) => text !== "" && text !== "local")
    .map(platformName);
}

function noCacheOf(flags: Parsed): string[] | null {
  if (flags.bool("no-cache")) return [];
  const stages = flags
    .list("no-cache-filter")
    .flatMap((text) => text.split(","))
    .filter(Boolean);
  return stages.length === 0 ? null : stages;
}

function entitlementsOf(allowed: readonly string[], network: string): string[] {
  for (const one of allowed) {
    if (!ENTITLEMENTS.includes(one))
      throw new Error(`invalid entitlement ${JSON.stringify(one)}: one of ${ENTITLEMENTS.join(", ")}`);
  }
  // As buildx: who asks for the host's network for all of the build grants it.
  return [...new Set([...allowed, ...(network === "host" ? ["network.host"] : [])])];
}

/** `--memory` and its like, and the same as `--resource`. */
function resourcesOf(flags: Parsed): WireBuildResources {
  const given = new Map(flags.list("resource").map((text) => parsed("resource", text, parseResource)));
  const text = (name: string) => given.get(name) ?? flags.string(name);
  const number = (name: string) => {
    const value = Number(text(name) || "0");
    if (!Number.isSafeInteger(value))
      throw new Error(`invalid argument ${JSON.stringify(text(name))} for "${name}": no whole number`);
    return value;
  };
  const bytes = (name: string) =>
    text(name) === "-1" ? -1 : text(name) === "" ? 0 : parsed(name, text(name), parseBytes);
  return {
    Memory: bytes("memory"),
    MemorySwap: bytes("memory-swap"),
    CpuShares: number("cpu-shares"),
    CpuPeriod: number("cpu-period"),
    CpuQuota: number("cpu-quota"),
    CpusetCpus: text("cpuset-cpus"),
    CpusetMems: text("cpuset-mems"),
  };
}
