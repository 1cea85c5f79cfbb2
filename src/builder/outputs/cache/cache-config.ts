import { invalid } from "../../../base/errors.ts";
import { type Digest, parseDigest } from "../../../formats/oci/digest.ts";
import {
  isObject,
  type JsonObject,
  optionalArray,
  optionalObject,
  optionalString,
  parseDocument,
} from "../../../formats/oci/json.ts";
import { MAX_LAYERS } from "../../../formats/oci/manifest.ts";
import { isLayerType } from "../../../formats/oci/media-types.ts";
import type { LayerRow } from "../../../storage/records/images.ts";
import type { CachedResult } from "../../remote-cache.ts";

/** Bytes of a cache's list; one of a build of 500 steps has some 200 kB. */
export const MAX_CACHE_CONFIG_BYTES = 4 << 20;
const MAX_RECORDS = 20_000;
/** Each may stand on up to 500 others. */
const MAX_CACHE_LAYERS = 4_000;
const WHAT = "cache config";

/** A result that a cache knows: a stack, base first. */
export interface CacheRecord {
  key: string;
  layers: LayerRow[];
  createdAt: Date;
  /** The topmost layer is what the step with this key has added. */
  added: boolean;
}

interface ConfigLayer {
  blob: string;
  /** Place in the list of what it stands on; -1: nothing. */
  parent: number;
  annotations?: { diffID: string; mediaType: string; size: number };
}

/**
 * BuildKit's form of a cache (`application/vnd.buildkit.cacheconfig.v0`), with our keys: layers that point at those below them, and
 * records that point at layers. What it holds besides is passed over by readers that do not know it.
 * @see BuildKit cache/remotecache/v1/spec.go
 */
export function encodeCacheConfig(records: CacheRecord[]): Uint8Array {
  const layers: ConfigLayer[] = [];
  const places = new Map<string, number>();
  const place = (stack: LayerRow[]): number => {
    let parent = -1;
    for (const { digest, diffId, mediaType, sizeBytes } of stack) {
      const key = `${parent} ${digest}`;
      let at = places.get(key);
      if (at === undefined) {
        at = layers.push({ blob: digest, parent, annotations: { diffID: diffId, mediaType, size: sizeBytes } }) - 1;
        places.set(key, at);
      }
      parent = at;
    }
    return parent;
  };
  return encode(layers, records, ({ layers: stack }) => place(stack));
}

/** For an image's own config: its layers are known by their place. `layers`: of the image. */
export function encodeInlineConfig(layers: LayerRow[], records: CacheRecord[]): Uint8Array {
  const listed = layers.map(({ diffId }, at) => ({ blob: diffId, parent: at - 1 }));
  return encode(listed, records, ({ layers: stack }) => stack.length - 1);
}

function encode(layers: ConfigLayer[], records: CacheRecord[], top: (record: CacheRecord) => number): Uint8Array {
  const listed = [...new Map(records.map((record) => [record.key, record])).values()]
    .sort((left, right) => left.key.localeCompare(right.key))
    .map((record) => ({
      digest: record.key,
      results: [{ layer: top(record), createdAt: record.createdAt.toISOString(), added: record.added }],
    }));
  return Buffer.from(JSON.stringify({ layers, records: listed }));
}

/** `known`: the layers of the image that the config is of; undefined: each says itself what it is. Throws invalid-argument. */
export function parseCacheConfig(bytes: Uint8Array, known: LayerRow[] | undefined): CacheRecord[] {
  const document = parseDocument(bytes, MAX_CACHE_CONFIG_BYTES, WHAT);
  const layers = (optionalArray(document, "layers", WHAT, MAX_CACHE_LAYERS) ?? []).map((value) => {
    if (!isObject(value)) throw invalid(`${WHAT}: layer is not an object`);
    return { value, parent: placeOf(value, "parent") };
  });
  const stacks: (LayerRow[] | undefined)[] = [];
  for (const [at, { value, parent }] of layers.entries()) {
    // Only what stands before it: so there is no circle.
    if (parent >= at) throw invalid(`${WHAT}: layer ${at} stands on ${parent}`);
    const below = parent === -1 ? [] : stacks[parent];
    const own = known === undefined ? describedLayer(value) : knownLayer(value, known[below?.length ?? 0]);
    stacks.push(below === undefined || own === undefined || below.length >= MAX_LAYERS ? undefined : [...below, own]);
  }
  const records = optionalArray(document, "records", WHAT, MAX_RECORDS) ?? [];
  return records.flatMap((value) => parseRecord(value, stacks) ?? []);
}

function parseRecord(value: unknown, stacks: (LayerRow[] | undefined)[]): CacheRecord | undefined {
  if (!isObject(value)) throw invalid(`${WHAT}: record is not an object`);
  const key = optionalString(value, "digest", WHAT);
  const [result] = optionalArray(value, "results", WHAT, MAX_RECORDS) ?? [];
  if (key === undefined || !isObject(result)) return undefined;
  const at = placeOf(result, "layer");
  const layers = at === -1 ? [] : stacks[at];
  const createdAt = new Date(optionalString(result, "createdAt", WHAT) ?? "");
  if (layers === undefined || Number.isNaN(createdAt.getTime())) return undefined;
  return { key, layers, createdAt, added: result.added === true };
}

function placeOf(object: JsonObject, key: string): number {
  const value = object[key] ?? 0;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < -1) throw invalid(`${WHAT}: invalid ${key}`);
  return value;
}

/** undefined: by another builder, which says less. */
function describedLayer(value: JsonObject): LayerRow | undefined {
  const annotations = optionalObject(value, "annotations", WHAT) ?? {};
  const { size } = annotations;
  const mediaType = optionalString(annotations, "mediaType", WHAT) ?? "";
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0 || !isLayerType(mediaType)) return undefined;
  const [digest, diffId] = [digestIn(value, "blob"), digestIn(annotations, "diffID")];
  return digest === undefined || diffId === undefined ? undefined : { digest, diffId, mediaType, sizeBytes: size };
}

function knownLayer(value: JsonObject, layer: LayerRow | undefined): LayerRow | undefined {
  return layer !== undefined && digestIn(value, "blob") === layer.diffId ? layer : undefined;
}

function digestIn(object: JsonObject, key: string): Digest | undefined {
  const text = optionalString(object, key, WHAT);
  return text === undefined ? undefined : parseDigest(text);
}

export function recordOf({ key, result }: CachedResult, layers: LayerRow[]): CacheRecord {
  return { key, layers, createdAt: result.createdAt, added: result.added !== undefined };
}
