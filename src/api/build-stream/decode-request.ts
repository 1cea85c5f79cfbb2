import { invalid } from "../../base/errors.ts";
import type {
  Attestations,
  CacheSpec,
  ContextSource,
  Output,
  SolveRequest,
  Subrequest,
} from "../../builder/builder.ts";
import type { BuildResources } from "../../builder/graph.ts";
import { parseDigest } from "../../formats/oci/digest.ts";
import { Fields } from "../fields.ts";

const CALLS = ["", "check", "outline", "targets"];
const OUTPUT_TYPES = ["image", "local", "tar", "oci", "docker", "none"];
const CACHE_TYPES = ["registry", "inline", "local"];
const MAX_REF_CHARACTERS = 128;

/** Of `FirstFiles`: a handful, and each fits the client's own limit. */
const MAX_FIRST_FILES = 8;
const MAX_FIRST_FILE_CHARACTERS = 128 * 1024;

export interface DecodedBuild {
  /** Files of the context that the client has sent along, by path; undefined: it has no such file. */
  firstFiles: Map<string, Uint8Array | undefined>;
  ref: string;
  name: string;
  call: Subrequest | undefined;
  request: SolveRequest;
  outputs: Output[];
  cacheTo: CacheSpec[];
}

/** The client's request (`WireBuildRequest`). `archive`: opens the stream of an archive that the client has. Throws invalid-argument. */
export function decodeBuild(value: unknown, archive: (name: string) => AsyncIterable<Uint8Array>): DecodedBuild {
  const fields = new Fields(value, "BuildRequest");
  const context = (raw: unknown) => decodeContext(raw, archive);
  const ref = fields.string("Ref");
  if (!/^[\w.-]+$/.test(ref) || ref.length > MAX_REF_CHARACTERS)
    throw invalid(`invalid build reference ${JSON.stringify(ref)}`);
  const call = oneOf(fields.string("Call"), CALLS, "call");
  return {
    ref,
    name: fields.string("Name"),
    call: call === "" ? undefined : (call as Subrequest),
    firstFiles: decodeFirstFiles(fields.entries("FirstFiles")),
    outputs: fields.list("Outputs").map(decodeOutput),
    cacheTo: fields.list("CacheTo").map(decodeCache),
    request: {
      context: context(fields.raw("Context")),
      dockerfile: context(fields.raw("Dockerfile")),
      namedContexts: Object.fromEntries(
        fields.entries("NamedContexts").flatMap(([name, raw]) => {
          const source = context(raw);
          return source === undefined ? [] : [[name, source]];
        }),
      ),
      fileName: fields.string("FileName") || "Dockerfile",
      target: fields.string("Target"),
      platforms: fields.strings("Platforms"),
      buildArgs: fields.stringMap("BuildArgs"),
      labels: fields.stringMap("Labels"),
      noCache: fields.optionalStrings("NoCache"),
      pull: fields.bool("Pull"),
      cacheFrom: fields.list("CacheFrom").map(decodeCache),
      network: fields.string("Network") || "default",
      extraHosts: fields.strings("ExtraHosts"),
      hostname: "",
      shmSizeBytes: fields.int("ShmSize") || undefined,
      ulimits: fields.list("Ulimits").map(decodeUlimit),
      cgroupParent: fields.string("CgroupParent"),
      resources: decodeResources(fields.object("Resources", "BuildResources")),
      entitlements: fields.strings("Entitlements"),
      squash: fields.bool("Squash"),
      epochSeconds: fields.optionalInt("EpochSeconds"),
      accounts: {},
      attestations: decodeAttestations(fields.object("Attestations", "Attestations")),
    },
  };
}

function decodeFirstFiles(entries: [string, unknown][]): Map<string, Uint8Array | undefined> {
  if (entries.length > MAX_FIRST_FILES) throw invalid(`more than ${MAX_FIRST_FILES} files came with the request`);
  return new Map(
    entries.map(([path, text]) => {
      if (text === null) return [path, undefined];
      if (typeof text !== "string" || text.length > MAX_FIRST_FILE_CHARACTERS)
        throw invalid(`invalid content of ${JSON.stringify(path)}`);
      return [path, Buffer.from(text, "base64")];
    }),
  );
}

function oneOf(text: string, all: readonly string[], what: string): string {
  if (!all.includes(text)) throw invalid(`invalid ${what} ${JSON.stringify(text)}`);
  return text;
}

function decodeContext(raw: unknown, archive: (name: string) => AsyncIterable<Uint8Array>): ContextSource | undefined {
  if (raw === null || raw === undefined) return undefined;
  const fields = new Fields(raw, "ContextSource");
  const kind = fields.string("Kind");
  switch (kind) {
    case "session":
      return { kind, name: fields.string("Name"), sharedKey: fields.string("SharedKey") };
    case "archive":
      return { kind, archive: archive(fields.string("Name")) };
    case "http":
    case "git":
      return { kind, url: fields.string("Url") };
    case "layout":
      return { kind, store: fields.string("Store"), digest: parseDigest(fields.string("Digest")) };
    case "image":
      return { kind, reference: fields.string("Reference") };
    default:
      throw invalid(`invalid context ${JSON.stringify(kind)}`);
  }
}

function decodeOutput(raw: unknown): Output {
  const fields = new Fields(raw, "Output");
  const type = oneOf(fields.string("Type"), OUTPUT_TYPES, "output type") as Output["type"];
  const [names, attributes] = [fields.strings("Names"), fields.stringMap("Attributes")];
  if (type === "none") return { type };
  if (type === "image") return { type, names, push: fields.bool("Push"), attributes };
  return { type, id: fields.string("Id"), names, attributes };
}

function decodeCache(raw: unknown): CacheSpec {
  const fields = new Fields(raw, "CacheSpec");
  const type = oneOf(fields.string("Type"), CACHE_TYPES, "cache type") as CacheSpec["type"];
  return { type, attributes: fields.stringMap("Attributes") };
}

function decodeUlimit(raw: unknown): { name: string; soft: number; hard: number } {
  const fields = new Fields(raw, "Ulimit");
  return { name: fields.string("Name"), soft: fields.int("Soft"), hard: fields.int("Hard") };
}

function decodeResources(fields: Fields): BuildResources {
  const numbers: [keyof BuildResources, string][] = [
    ["memoryBytes", "Memory"],
    ["memorySwapBytes", "MemorySwap"],
    ["cpuShares", "CpuShares"],
    ["cpuPeriodUs", "CpuPeriod"],
    ["cpuQuotaUs", "CpuQuota"],
  ];
  const texts: [keyof BuildResources, string][] = [
    ["cpusetCpus", "CpusetCpus"],
    ["cpusetMems", "CpusetMems"],
  ];
  const given = [
    ...numbers.map(([key, name]) => [key, fields.int(name)] as const),
    ...texts.map(([key, name]) => [key, fields.string(name)] as const),
  ];
  return Object.fromEntries(given.filter(([, value]) => value !== 0 && value !== ""));
}

function decodeAttestations(fields: Fields): Attestations {
  const mode = oneOf(fields.string("Provenance"), ["", "min", "max"], "provenance mode");
  const version = oneOf(fields.string("ProvenanceVersion"), ["", "v0.2", "v1"], "provenance version");
  const builderId = fields.string("BuilderId");
  return {
    provenance: mode === "" ? undefined : (mode as "min" | "max"),
    sbom: fields.bool("Sbom"),
    ...(version === "" ? {} : { provenanceVersion: version as "v0.2" | "v1" }),
    ...(builderId === "" ? {} : { builderId }),
    ...(fields.bool("Reproducible") ? { reproducible: true } : {}),
  };
}
