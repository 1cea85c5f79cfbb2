import { EngineError, invalid } from "../../base/errors.ts";
import { parseTagged, type Reference } from "../../formats/reference/reference.ts";
import type { CacheSpec, Output } from "../builder.ts";
import { booleanOf, epochOf, parsePackaging } from "./attributes.ts";

const CACHE_TYPES = ["inline", "registry", "local"];
const CACHE_MODES = ["min", "max"];

export interface CheckOptions {
  cacheTo: CacheSpec[];
  cacheFrom: CacheSpec[];
  /** SOURCE_DATE_EPOCH of the build. */
  epochSeconds: number | undefined;
  /** How many are built. */
  platforms: number;
}

/**
 * Throws invalid-argument for what is wrong with where a build is to go, before anything is built: names, attributes, and what this
 * engine does not do. Pure.
 */
export function checkOutputs(outputs: Output[], options: CheckOptions): void {
  for (const output of outputs) if (output.type !== "none") checkOutput(output, options);
  for (const spec of options.cacheTo) checkCacheTo(spec);
  for (const spec of options.cacheFrom) checkCacheFrom(spec);
}

function checkOutput(
  output: Exclude<Output, { type: "none" }>,
  { epochSeconds, platforms }: Pick<CheckOptions, "epochSeconds" | "platforms">,
): void {
  const { attributes } = output;
  const names = namesOf(output);
  parsePackaging(attributes);
  const epoch = epochOf(attributes, epochSeconds);
  if (booleanOf(attributes, "rewrite-timestamp", false) && epoch === undefined) {
    throw invalid("rewrite-timestamp needs SOURCE_DATE_EPOCH: layers get that time when they are built");
  }
  if (output.type === "local" || output.type === "tar") {
    const isSplit = booleanOf(attributes, "platform-split", true);
    if (isSplit || platforms < 2) return;
    throw invalid("platform-split=false: files of several platforms cannot be put into one directory");
  }
  booleanOf(attributes, "tar", true);
  if (output.type !== "image") return;
  const byDigest = booleanOf(attributes, "push-by-digest", false);
  const pushes = isPushed(output);
  if (pushes && names.length === 0) throw invalid("tag is needed when pushing to registry");
  if (byDigest && !pushes) throw invalid("push-by-digest needs push=true");
  if (!booleanOf(attributes, "store", true) && !pushes) throw invalid("store=false needs push=true");
  booleanOf(attributes, "registry.insecure", false);
  booleanOf(attributes, "unpack", true);
}

function checkCacheTo({ type, attributes }: CacheSpec): void {
  if (!CACHE_TYPES.includes(type)) throw unknownCacheType(type);
  if (attributes.mode !== undefined && !CACHE_MODES.includes(attributes.mode)) {
    throw invalid(`invalid cache mode ${JSON.stringify(attributes.mode)}: there are min and max`);
  }
  parsePackaging(attributes);
  booleanOf(attributes, "ignore-error", false);
  if (type === "registry") {
    parseTagged(required(attributes, "ref", type));
    if (!booleanOf(attributes, "image-manifest", true)) {
      throw new EngineError(
        "not-implemented",
        "a cache is written as an image manifest: image-manifest=false is not supported",
      );
    }
  }
  if (type === "local") required(attributes, "dest", type);
}

function checkCacheFrom({ type, attributes }: CacheSpec): void {
  if (!CACHE_TYPES.includes(type)) throw unknownCacheType(type);
  if (type === "registry") parseTagged(required(attributes, "ref", type));
  if (type === "local") required(attributes, "src", type);
}

function unknownCacheType(type: string): EngineError {
  return invalid(`unknown cache type ${JSON.stringify(type)}: there are ${CACHE_TYPES.join(", ")}`);
}

function required(attributes: Record<string, string>, name: string, type: string): string {
  const value = attributes[name];
  if (value === undefined || value === "") throw invalid(`cache of type ${type} needs ${name}`);
  return value;
}

/** Names of an output, those of its attribute `name` (separated by commas) among them, each once. Throws invalid-argument. */
export function namesOf(output: Exclude<Output, { type: "none" }>): Reference[] {
  const { names, attributes } = output;
  const more = attributes.name?.split(",").filter((name) => name !== "") ?? [];
  return [...new Set([...names, ...more])].map((name) => {
    const reference = parseTagged(name);
    if (reference.digest !== undefined) throw invalid("refusing to create a tag with a digest reference");
    return reference;
  });
}

export function isPushed(output: Extract<Output, { type: "image" }>): boolean {
  return output.push || booleanOf(output.attributes, "push", false);
}
