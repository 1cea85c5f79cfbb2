import { splitCsv } from "../../base/csv.ts";
import { parseBool } from "../../base/go-values.ts";
import type { WireAttestations, WireCacheSpec } from "../../wire/build-messages.ts";

/** `key=value` fields of a flag's value, in order; keys in lower case. Throws for a field without `=`, unless `bare` takes it. */
export function csvFields(text: string, bare?: (field: string) => void): [key: string, value: string][] {
  const found: [string, string][] = [];
  for (const field of splitCsv(text)) {
    const equals = field.indexOf("=");
    if (equals < 0) {
      if (bare === undefined) throw new Error(`invalid value ${field}`);
      bare(field);
    } else found.push([field.slice(0, equals).toLowerCase().trim(), field.slice(equals + 1)]);
  }
  return found;
}

export interface OutputSpec {
  type: "image" | "local" | "tar" | "oci" | "docker" | "none";
  /** Where it goes here; "" for an image in the engine. "-": standard output. */
  destination: string;
  push: boolean;
  /** undefined: those of `--tag`. */
  names: string[] | undefined;
  attributes: Record<string, string>;
}

const OUTPUT_TYPES = ["image", "registry", "docker", "local", "tar", "oci", "cacheonly", "none"];

/** One `--output`: `type=…,dest=…`, a directory, or `-`. Throws in buildx's words. Pure. */
export function parseOutput(text: string): OutputSpec {
  if (text === "-") return { type: "tar", destination: "-", push: false, names: undefined, attributes: {} };
  if (!text.includes("=") && !text.includes(",")) {
    return { type: "local", destination: text, push: false, names: undefined, attributes: {} };
  }
  let [type, destination, push, names]: [string, string, boolean, string[] | undefined] = ["", "", false, undefined];
  const attributes: Record<string, string> = {};
  for (const [key, value] of csvFields(text)) {
    if (key === "type") type = value;
    else if (key === "dest") destination = value;
    else if (key === "push") push = parseBool(value);
    else if (key === "name") names = value.split(",");
    else attributes[key] = value;
  }
  if (type === "") throw new Error("type is required for output");
  if (!OUTPUT_TYPES.includes(type)) throw new Error(`unsupported output type ${JSON.stringify(type)}`);
  if (type === "local" && destination === "") throw new Error("dest is required for local output");
  if ((type === "oci" || type === "tar") && destination === "") destination = "-";
  return { type: ownType(type, destination), destination, push: push || type === "registry", names, attributes };
}

/** What buildx calls `docker` without a file is an image in the engine. */
function ownType(type: string, destination: string): OutputSpec["type"] {
  if (type === "registry" || (type === "docker" && destination === "")) return "image";
  return type === "cacheonly" ? "none" : (type as OutputSpec["type"]);
}

/** `key=value`, `manifest:key=value`, `index[linux/amd64]:key=value` → attributes of an image output. Throws. Pure. */
export function parseAnnotation(text: string): [attribute: string, value: string] {
  const match = /^(?:(manifest|index|manifest-descriptor|index-descriptor)(\[[^\]]+\])?:)?([^=]+)=(.*)$/s.exec(text);
  if (match === null) throw new Error(`invalid annotation ${JSON.stringify(text)}, expected key=value`);
  const [, type, platform = "", key = "", value = ""] = match;
  return [type === undefined ? `annotation.${key}` : `annotation-${type}${platform}.${key}`, value];
}

const CACHE_TYPES = ["registry", "inline", "local"];
/** Which keep a cache at somebody's service. */
const FOREIGN_CACHES = ["gha", "s3", "azblob"];

/** `user/app:cache`, or `type=…,…`. Throws. Pure. */
export function parseCache(text: string): WireCacheSpec {
  if (!text.includes("=")) return { Type: "registry", Attributes: { ref: text } };
  const attributes = Object.fromEntries(csvFields(text));
  const { type = "", ...rest } = attributes;
  if (type === "") throw new Error(`type required form> ${JSON.stringify(text)}`);
  if (FOREIGN_CACHES.includes(type)) {
    throw new Error(`a cache of type ${type} is not supported by this builder: use registry, local or inline`);
  }
  if (!CACHE_TYPES.includes(type)) throw new Error(`unknown cache type ${JSON.stringify(type)}`);
  return { Type: type, Attributes: rest };
}

const NO_ATTESTATIONS: WireAttestations = {
  Provenance: "",
  ProvenanceVersion: "",
  BuilderId: "",
  Reproducible: false,
  Sbom: false,
};

/** `--attest`, then the shorthands, the last of a type counts. Throws. Pure. */
export function parseAttestations(attests: readonly string[], provenance: string, sbom: string): WireAttestations {
  let all = NO_ATTESTATIONS;
  const given = [...attests];
  if (provenance !== "") given.push(shorthand("provenance", provenance));
  if (sbom !== "") given.push(shorthand("sbom", sbom));
  for (const text of given) {
    const fields = Object.fromEntries(csvFields(text)) as Record<string, string | undefined>;
    const wanted = !parseBool(fields["disabled"] ?? "false");
    if (fields["type"] === "sbom") all = { ...all, Sbom: wanted };
    else if (fields["type"] === "provenance") {
      all = { ...NO_ATTESTATIONS, ...(wanted ? provenanceOf(fields) : {}), Sbom: all.Sbom };
    } else if (fields["type"] === undefined) throw new Error("attestation type not specified");
    else throw new Error(`unknown attestation type ${fields["type"]}`);
  }
  return all;
}

function provenanceOf(fields: Record<string, string | undefined>): Partial<WireAttestations> {
  const { mode = "min", version = "", reproducible = "false" } = fields;
  if (mode !== "min" && mode !== "max")
    throw new Error(`invalid mode ${JSON.stringify(mode)} of provenance: min or max`);
  if (!["", "v0.2", "v1"].includes(version)) {
    throw new Error(`invalid version ${JSON.stringify(version)} of provenance: v0.2 or v1`);
  }
  return {
    Provenance: mode,
    ProvenanceVersion: version,
    BuilderId: fields["builder-id"] ?? "",
    Reproducible: parseBool(reproducible),
  };
}

function shorthand(type: string, value: string): string {
  if (/^(1|t|true|0|f|false)$/i.test(value)) return `type=${type},disabled=${!parseBool(value)}`;
  return `type=${type},${value}`;
}

export interface SecretSpec {
  id: string;
  source: { kind: "file"; path: string } | { kind: "environment"; name: string };
}

/** `id=…[,src=…|,env=…]`. Without a source: the variable of that name, else the file of that name. Throws. Pure. */
export function parseSecret(text: string, environment: Readonly<Record<string, string | undefined>>): SecretSpec {
  let [type, id, file, variable] = ["", "", "", ""];
  for (const [key, value] of csvFields(text)) {
    if (key === "type") type = value;
    else if (key === "id") id = value;
    else if (key === "source" || key === "src") file = value;
    else if (key === "env") variable = value;
    else throw new Error(`unexpected key '${key}' in '${key}=${value}'`);
  }
  if (type !== "" && type !== "file" && type !== "env")
    throw new Error(`unsupported secret type ${JSON.stringify(type)}`);
  if (id === "") throw new Error("secret missing ID");
  if (type === "env" && variable === "") [variable, file] = [file || id, ""];
  if (variable !== "") return { id, source: { kind: "environment", name: variable } };
  if (file !== "") return { id, source: { kind: "file", path: file } };
  if (type === "" && environment[id] !== undefined) return { id, source: { kind: "environment", name: id } };
  return { id, source: { kind: "file", path: id } };
}

/** `default`, `id=path`; several paths with commas are keys. "": the agent of the environment. Pure. */
export function parseSsh(text: string): { id: string; paths: string[] } {
  const equals = text.indexOf("=");
  const id = equals < 0 ? text : text.slice(0, equals);
  return {
    id: id || "default",
    paths:
      equals < 0
        ? []
        : text
            .slice(equals + 1)
            .split(",")
            .filter(Boolean),
  };
}

const RESOURCES = ["memory", "memory-swap", "cpu-shares", "cpu-period", "cpu-quota", "cpuset-cpus", "cpuset-mems"];

/** `--resource key=value`. Throws. Pure. */
export function parseResource(text: string): [name: string, value: string] {
  const [name = "", value = ""] = text.split(/=(.*)/s);
  if (!RESOURCES.includes(name) || value === "") {
    throw new Error(`invalid resource ${JSON.stringify(text)}: one of ${RESOURCES.join(", ")}, with =value`);
  }
  return [name, value];
}
