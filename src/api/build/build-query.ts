import { invalid, messageOf } from "../../base/errors.ts";
import { familiarReference, parseTagged } from "../../formats/reference/reference.ts";
import { Fields } from "../fields.ts";
import { parseJson } from "../json.ts";
import { platformName } from "../platform-query.ts";
import { flag } from "../query.ts";

/** The parameters of `POST /build`, checked. @see Engine API "ImageBuild"; moby build_routes.go for what the document leaves out */
export interface BuildQuery {
  version: 1 | 2;
  /** Chosen by the client, for `POST /build/cancel`; "": none. */
  buildId: string;
  sessionId: string;
  remote: string;
  dockerfile: string;
  /** Familiar, with a tag: `x:latest`. */
  tags: string[];
  quiet: boolean;
  noCache: boolean;
  pull: boolean;
  removeContainers: boolean;
  squash: boolean;
  target: string;
  platform: string;
  networkMode: string;
  cgroupParent: string;
  buildArgs: Record<string, string>;
  labels: Record<string, string>;
  cacheFrom: string[];
  extraHosts: string[];
  ulimits: { name: string; soft: number; hard: number }[];
  shmSizeBytes: number | undefined;
  memoryBytes: number;
  memorySwapBytes: number;
  cpuShares: number;
  cpuPeriodUs: number;
  cpuQuotaUs: number;
  cpusetCpus: string;
  cpusetMems: string;
  outputs: { type: string; attributes: Record<string, string> }[];
}

/** Names of one image, hosts and outputs of one request. */
const MAX_VALUES = 1024;

/** Throws invalid-argument in Docker's words. */
export function decodeBuildQuery(query: URLSearchParams): BuildQuery {
  const text = (name: string) => query.get(name) ?? "";
  refuseForeignPlatforms(query);
  const version = decodeVersion(text("version"));
  return {
    version,
    buildId: text("buildid"),
    sessionId: text("session"),
    remote: text("remote"),
    dockerfile: text("dockerfile"),
    tags: decodeTags(list(query, "t")),
    quiet: flag(query, "q"),
    noCache: flag(query, "nocache"),
    pull: flag(query, "pull"),
    removeContainers: flag(query, "rm", true) || flag(query, "forcerm"),
    squash: flag(query, "squash"),
    target: text("target"),
    platform: platformName(text("platform")),
    networkMode: text("networkmode"),
    cgroupParent: text("cgroupparent"),
    buildArgs: decodeBuildArgs(text("buildargs")),
    labels: decodeJson(text("labels"), "error reading labels", (value) => wrap(value).stringMap("value")) ?? {},
    cacheFrom: decodeJson(text("cachefrom"), "error reading cache-from", (value) => wrap(value).strings("value")) ?? [],
    extraHosts: list(query, "extrahosts"),
    ulimits: decodeJson(text("ulimits"), "error reading ulimit settings", decodeUlimits) ?? [],
    shmSizeBytes: decodeShmSize(text("shmsize")),
    memoryBytes: numberOrZero(text("memory")),
    memorySwapBytes: numberOrZero(text("memswap")),
    cpuShares: numberOrZero(text("cpushares")),
    cpuPeriodUs: numberOrZero(text("cpuperiod")),
    cpuQuotaUs: numberOrZero(text("cpuquota")),
    cpusetCpus: text("cpusetcpus"),
    cpusetMems: text("cpusetmems"),
    outputs: version === 2 ? (decodeJson(text("outputs"), "invalid outputs specified", decodeOutputs) ?? []) : [],
  };
}

function refuseForeignPlatforms(query: URLSearchParams): void {
  const isolation = (query.get("isolation") ?? "").toLowerCase();
  if (isolation !== "" && isolation !== "default") throw invalid(`unsupported isolation: ${JSON.stringify(isolation)}`);
  if (query.has("securityopt")) {
    throw invalid("The daemon on this platform does not support setting security options on build");
  }
}

function decodeVersion(text: string): 1 | 2 {
  if (text === "" || text === "1") return 1;
  if (text === "2") return 2;
  throw invalid(`invalid version ${JSON.stringify(text)}`);
}

function list(query: URLSearchParams, name: string): string[] {
  const values = query.getAll(name).filter((value) => value !== "");
  if (values.length > MAX_VALUES) throw invalid(`more than ${MAX_VALUES} values of ${name}`);
  return values;
}

/** Each once, in the order given. */
function decodeTags(texts: string[]): string[] {
  const tags = texts.map((text) => {
    const reference = parseTagged(text);
    if (reference.digest !== undefined) throw invalid("build tag cannot contain a digest");
    return familiarReference(reference);
  });
  return [...new Set(tags)];
}

/** An argument with a null value is one that the client's own environment does not have. */
function decodeBuildArgs(text: string): Record<string, string> {
  const decoded = decodeJson(text, "error reading build args", (value) => {
    const given = wrap(value).entries("value");
    return Object.fromEntries(given.filter(([, one]) => one !== null));
  });
  return wrap(decoded ?? {}).stringMap("value");
}

/** The fields' reader works on objects; a value of its own becomes one's field. */
function wrap(value: unknown): Fields {
  return new Fields({ value }, "build.Options");
}

function decodeJson<T>(text: string, failure: string, decode: (value: unknown) => T): T | undefined {
  if (text === "") return undefined;
  try {
    return decode(parseJson(text));
  } catch (error) {
    throw invalid(`${failure}: ${messageOf(error)}`, { cause: error });
  }
}

function decodeUlimits(value: unknown): BuildQuery["ulimits"] {
  return wrap(value)
    .list("value")
    .map((one) => new Fields(one, "units.Ulimit"))
    .map((fields) => ({ name: fields.string("Name"), soft: fields.int("Soft"), hard: fields.int("Hard") }));
}

function decodeOutputs(value: unknown): BuildQuery["outputs"] {
  return wrap(value)
    .list("value")
    .map((one) => new Fields(one, "types.ImageBuildOutput"))
    .map((fields) => ({ type: fields.string("Type"), attributes: fields.stringMap("Attrs") }));
}

function decodeShmSize(text: string): number | undefined {
  if (text === "") return undefined;
  const size = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(size)) {
    throw invalid(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return size === 0 ? undefined : size;
}

/** Docker takes what is no number for none. */
function numberOrZero(text: string): number {
  const number = Number(text);
  return /^[+-]?\d+$/.test(text) && Number.isSafeInteger(number) ? number : 0;
}
