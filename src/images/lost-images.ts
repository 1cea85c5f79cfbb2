import { chainIds } from "../formats/oci/chain-id.ts";
import type { Content } from "../storage/content/content.ts";
import type { ImageRow } from "../storage/records/images.ts";
import type { Snapshots } from "../storage/snapshots/snapshots.ts";

export interface LostDeps {
  content: Pick<Content, "has">;
  snapshots: Pick<Snapshots, "has" | "isSealed" | "layerBytes">;
}

/**
 * Whether a layer is gone, or may be torn, that was made here and has never had an archive: nothing can bring it back, and nobody has
 * it elsewhere. Other damage may be mended by a pull or a load.
 */
export function isLost({ layers }: Pick<ImageRow, "layers">, { content, snapshots }: LostDeps): boolean {
  const chain = chainIds(layers.map(({ diffId }) => diffId));
  return layers.some(({ digest, diffId }, at) => {
    const chainId = chain[at] as string;
    if (snapshots.has(chainId) || content.has(digest)) return false;
    // What a power cut left of it may not even say how it came here.
    return snapshots.isSealed(chainId) || (digest === diffId && snapshots.layerBytes(chainId) === undefined);
  });
}
