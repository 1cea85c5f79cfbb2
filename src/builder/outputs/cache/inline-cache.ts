import { isObject, optionalString } from "../../../formats/oci/json.ts";
import { invalid } from "../../../base/errors.ts";
import type { LayerRow } from "../../../storage/records/images.ts";
import type { CachedResult } from "../../remote-cache.ts";
import {
  type CacheRecord,
  encodeInlineConfig,
  MAX_CACHE_CONFIG_BYTES,
  parseCacheConfig,
  recordOf,
} from "./cache-config.ts";

/** BuildKit's place for it in an image's config; bytes are base64, as Go writes them. */
const INLINE_KEY = "moby.buildkit.cache.v0";

/** What of the results is in the image: each whose layers its stack begins with. */
export function resultsWithin(layers: LayerRow[], results: CachedResult[]): CachedResult[] {
  return results.filter(({ result }) => result.layers.every(({ diffId }, at) => diffId === layers[at]?.diffId));
}

/** The part of a config document that makes the image a cache of its own build. */
export function inlineCache(layers: LayerRow[], results: CachedResult[]): Record<string, string> {
  const records = resultsWithin(layers, results).map((one) => recordOf(one, layers.slice(0, one.result.layers.length)));
  return { [INLINE_KEY]: Buffer.from(encodeInlineConfig(layers, records)).toString("base64") };
}

/** `config`: parsed config document of an image, `layers`: its layers. Empty: it is none. Throws invalid-argument. */
export function parseInlineCache(config: unknown, layers: LayerRow[]): CacheRecord[] {
  if (!isObject(config)) throw invalid("image config: not a JSON object");
  const text = optionalString(config, INLINE_KEY, "image config");
  if (text === undefined) return [];
  if (text.length > 2 * MAX_CACHE_CONFIG_BYTES) throw invalid("image config: the inline cache is too large");
  return parseCacheConfig(Buffer.from(text, "base64"), layers);
}
