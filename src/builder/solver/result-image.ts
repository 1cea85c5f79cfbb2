import { EngineError } from "../../base/errors.ts";
import { chainIds } from "../../formats/oci/chain-id.ts";
import { digestOf } from "../../formats/oci/digest.ts";
import type { Snapshots } from "../../storage/snapshots/snapshots.ts";
import type { SolveRequest } from "../builder.ts";
import type { ResolvedImage } from "../frontend/plan.ts";

/**
 * What another build has made, as the image that it would become. That build may be over, and its layers are the cache's then: throws
 * not-found where they have gone meanwhile.
 */
export function resultImage(
  snapshots: Pick<Snapshots, "has">,
  contexts: SolveRequest["namedContexts"],
  name: string,
): ResolvedImage & { chainIds: string[] } {
  const source = contexts[name];
  if (source?.kind !== "result") throw new Error(`context ${name} is no result`);
  const { target, config } = source;
  const { layers } = target.result;
  const chain = chainIds(layers.map(({ diffId }) => diffId));
  const missing = chain.find((chainId) => !snapshots.has(chainId));
  if (missing !== undefined) {
    throw new EngineError("not-found", `context ${name}: the result of the other build is not in the cache any more`);
  }
  const id = digestOf(JSON.stringify(["result", target.result.chainId ?? "", config]));
  return {
    row: { id, manifestDigest: id, layers },
    reference: name,
    // A result has no list of its layers yet: who exports it adds that.
    document: { ...config, rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) } },
    platform: target.platform,
    materials: target.materials,
    chainIds: chain,
  };
}
