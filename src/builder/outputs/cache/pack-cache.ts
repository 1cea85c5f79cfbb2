import { encodeManifest, MAX_LAYERS } from "../../../formats/oci/manifest.ts";
import { dockerType, MEDIA_TYPES } from "../../../formats/oci/media-types.ts";
import type { LayerRow } from "../../../storage/records/images.ts";
import type { Solved } from "../../builder.ts";
import type { CachedResult } from "../../remote-cache.ts";
import { parsePackaging } from "../attributes.ts";
import type { ExportContext } from "../export-context.ts";
import { type ImageFile, imageFile } from "../image/image-file.ts";
import { type ReadyOptions, readyLayers } from "../ready-layers.ts";
import { type CacheRecord, encodeCacheConfig, recordOf } from "./cache-config.ts";
import { resultsWithin } from "./inline-cache.ts";

/** Of the list of a cache. @see BuildKit cache/remotecache/v1 */
export const CACHE_CONFIG_TYPE = "application/vnd.buildkit.cacheconfig.v0";

const DEFAULT_FORM = { compression: "gzip" } as const;

export interface PackedCache {
  /** Each once; their blobs are in content and held. */
  layers: LayerRow[];
  config: ImageFile;
  manifest: ImageFile;
}

/**
 * A cache as an image manifest. Mode min: what the results themselves are made of; max: also what other stages were made of, as much
 * as fits into one manifest.
 */
export async function packCache(
  context: ExportContext,
  { solved, cached, attributes }: { solved: Solved; cached: CachedResult[]; attributes: Record<string, string> },
  onRelease: ReadyOptions["onRelease"],
): Promise<PackedCache> {
  const packaging = parsePackaging(attributes);
  const own = solved.targets.flatMap(({ result }) => resultsWithin(result.layers, cached));
  const wanted = attributes.mode === "max" ? [...own, ...cached] : own;
  const ready = { ...packaging, form: packaging.form ?? DEFAULT_FORM, onRelease, known: new Map() };
  const layers = new Map<string, LayerRow>();
  const records: CacheRecord[] = [];
  for (const one of new Set(wanted)) {
    const stack = await readyLayers(context, one.result.layers, ready);
    const added = stack.filter(({ digest }) => !layers.has(digest));
    if (layers.size + added.length > MAX_LAYERS) continue;
    for (const layer of added) layers.set(layer.digest, layer);
    records.push(recordOf(one, stack));
  }
  const typeOf = (type: string) => (packaging.ociTypes ? type : dockerType(type));
  const listed = [...layers.values()];
  const config = imageFile(CACHE_CONFIG_TYPE, encodeCacheConfig(records));
  const mediaType = typeOf(MEDIA_TYPES.ociManifest);
  const descriptors = listed.map((layer) => ({ ...layer, mediaType: typeOf(layer.mediaType), annotations: {} }));
  const manifest = imageFile(mediaType, encodeManifest(config.descriptor, descriptors, { mediaType }));
  return { layers: listed, config, manifest };
}
