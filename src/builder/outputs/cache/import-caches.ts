import { chainIds } from "../../../formats/oci/chain-id.ts";
import { parseTagged } from "../../../formats/reference/reference.ts";
import type { CacheSpec } from "../../builder.ts";
import type { BuildEvent } from "../../events.ts";
import type { CacheImporter, ImportedResult } from "../../remote-cache.ts";
import type { TreeResult } from "../../results.ts";
import { asVertex } from "../progress.ts";
import type { CacheRecord } from "./cache-config.ts";
import {
  type CacheSource,
  readClientCache,
  readLocalImages,
  readRegistryCache,
  type SourceDeps,
} from "./cache-source.ts";

export interface ImportDeps extends SourceDeps {
  /** Name of the build. */
  ref: string;
  report: (event: BuildEvent) => void;
}

/** A cache that is read when the first key is looked for that those before it do not know. */
interface LazySource {
  records(signal: AbortSignal): Promise<Map<string, CacheRecord>>;
  fetch: CacheSource["fetch"];
}

/**
 * The caches that a request names, in its order; an image of that name that is here comes before its registry. What cannot be read is
 * told in the build's events and knows nothing.
 */
export function importCaches(deps: ImportDeps, specs: CacheSpec[]): CacheImporter {
  const sources = specs.flatMap((spec) => sourcesOf(deps, spec));
  return {
    async lookup(key, signal) {
      for (const source of sources) {
        const record = (await source.records(signal)).get(key);
        if (record !== undefined) return importedResult(deps, record, source);
      }
      return undefined;
    },
  };
}

function sourcesOf(deps: ImportDeps, spec: CacheSpec): LazySource[] {
  const { type, attributes } = spec;
  switch (type) {
    case "inline":
      return [];
    case "local":
      return [
        lazily(deps, `importing cache from client directory ${attributes.src}`, (signal) =>
          readClientCache(deps, spec, signal),
        ),
      ];
    case "registry": {
      const reference = attributes.ref ?? "";
      const remote = lazily(deps, `importing cache manifest from ${reference}`, (signal) =>
        readRegistryCache(deps, spec, signal),
      );
      const isHere = deps.images.library.holder(parseTagged(reference)) !== undefined;
      if (!isHere) return [remote];
      return [lazily(deps, `importing cache of image ${reference}`, () => readLocalImages(deps, reference)), remote];
    }
  }
}

function lazily(
  { ref, report, clock }: ImportDeps,
  name: string,
  read: (signal: AbortSignal) => Promise<CacheSource>,
): LazySource {
  let reading: Promise<Map<string, CacheRecord>> | undefined;
  const source: LazySource = {
    fetch: undefined,
    records(signal) {
      reading ??= asVertex({ name, seed: ref, report, clock }, async () => {
        const found = await read(signal);
        source.fetch = found.fetch;
        return new Map(found.records.map((record) => [record.key, record]));
      }).catch(() => {
        // A cache that is not there makes a build slower, and no more than that: the vertex has told of it.
        signal.throwIfAborted();
        return new Map();
      });
      return reading;
    },
  };
  return source;
}

function importedResult({ images }: ImportDeps, record: CacheRecord, source: LazySource): ImportedResult {
  const { layers, createdAt } = record;
  return {
    layers,
    createdAt,
    async fetch({ hold, signal }): Promise<TreeResult> {
      const chain = chainIds(layers.map(({ diffId }) => diffId));
      hold([...chain, ...layers.map(({ digest }) => digest)]);
      const { fetch } = source;
      await images.store.bring(layers, { signal, ...(fetch === undefined ? {} : { fetch }) });
      const added = record.added ? layers.at(-1) : undefined;
      return { kind: "tree", layers, chainId: chain.at(-1), createdAt, added };
    },
  };
}
