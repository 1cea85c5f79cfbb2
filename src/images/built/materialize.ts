import { EngineError, isKind } from "../../base/errors.ts";
import { SharedJobs } from "../../base/shared-jobs.ts";
import { chainIds } from "../../formats/oci/chain-id.ts";
import type { Digest } from "../../formats/oci/digest.ts";
import { MEDIA_TYPES } from "../../formats/oci/media-types.ts";
import type { Content } from "../../storage/content/content.ts";
import type { LayerRow } from "../../storage/records/images.ts";
import { pack } from "../../storage/snapshots/pack/pack.ts";
import type { Snapshots } from "../../storage/snapshots/snapshots.ts";

/** A layer that was built here is known by its diffID, and its archive is made when somebody wants it. */
function isOwnLayer({ digest, diffId, mediaType }: LayerRow): boolean {
  return digest === diffId && mediaType === MEDIA_TYPES.ociLayer;
}

export interface Materializer {
  /**
   * Makes the blobs that are missing of a stack's own layers, from their directories, and verifies them. The caller holds their
   * digests. Throws internal when a directory is not what it was.
   */
  materialize(layers: LayerRow[], signal: AbortSignal): Promise<void>;
}

export function createMaterializer(deps: {
  content: Content;
  snapshots: Pick<Snapshots, "layerDirectory">;
}): Materializer {
  const { content, snapshots } = deps;
  const jobs = new SharedJobs<void>();
  return {
    async materialize(layers, signal) {
      const chain = chainIds(layers.map(({ diffId }) => diffId));
      for (const [at, layer] of layers.entries()) {
        if (!isOwnLayer(layer) || content.has(layer.digest)) continue;
        const root = snapshots.layerDirectory(chain[at] as Digest);
        await jobs.run(layer.digest, signal, (own) => archive(content, { root, layer }, own));
      }
    },
  };
}

async function archive(
  content: Content,
  { root, layer }: { root: string; layer: LayerRow },
  signal: AbortSignal,
): Promise<void> {
  const { digest, sizeBytes } = layer;
  const ingest = await content.ingest();
  try {
    const { stream } = await pack({ kind: "sealed", root }, signal);
    for await (const bytes of stream) await ingest.write(bytes);
    await ingest.commit({ digest, sizeBytes });
  } catch (error) {
    await ingest.abort();
    if (!isKind(error, "invalid-argument")) throw error;
    throw new EngineError("internal", `making the archive of layer ${digest}: its files are not what they were`, {
      cause: error,
    });
  }
}
