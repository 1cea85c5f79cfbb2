import { type Digest, digestOf } from "./digest.ts";

/** Digest of an uncompressed layer tar. */
export type DiffID = Digest;

/**
 * The ChainID of each prefix of a stack, base first: ChainID(L0) = DiffID(L0), ChainID(L0|…|Ln) =
 * SHA256(ChainID(L0|…|Ln-1) + " " + DiffID(Ln)). @see OCI image-spec config.md "Layer ChainID"
 */
export function chainIds(diffIds: readonly DiffID[]): Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) {
    const parent = chain.at(-1);
    chain.push(parent === undefined ? diffId : digestOf(`${parent} ${diffId}`));
  }
  return chain;
}
