import type { LayerRow } from "../storage/records/images.ts";
import type { TreeResult } from "./results.ts";

/** A result of a build by the solver's key for it: what a cache that goes elsewhere is made of. */
export interface CachedResult {
  /** `sha256:…`. Two keys may have one result. */
  key: string;
  result: TreeResult;
}

/** The caches that a request names (`--cache-from`), all of them together. Nothing is asked before the first look-up. */
export interface CacheImporter {
  /**
   * What this key gave elsewhere; the lists of keys are fetched once, layers not at all. undefined: not known, or its cache cannot
   * be reached, which the build's events say.
   */
  lookup(key: string, signal: AbortSignal): Promise<ImportedResult | undefined>;
}

/** A result that can be had. */
export interface ImportedResult {
  /** Base first, as they lie there; their blobs need not be here. */
  layers: LayerRow[];
  createdAt: Date;
  /**
   * Brings the layers that are missing, verified against digest and diffID. `hold` is told digests and chainIDs before they are here.
   * Throws what a pull throws: to the solver it is a miss.
   */
  fetch(options: { hold: (keys: string[]) => void; signal: AbortSignal }): Promise<TreeResult>;
}
