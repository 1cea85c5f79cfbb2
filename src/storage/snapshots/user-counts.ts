import type { LayerIndex } from "./layer-index.ts";
import type { ChainID } from "./snapshots.ts";

/** How many snapshots stand directly on each layer: asking costs nothing, with however many layers. */
export interface UserCounts {
  has(chainId: ChainID): boolean;
  /** undefined: stands on nothing. */
  add(parent: ChainID | undefined): void;
  drop(parent: ChainID | undefined): void;
}

export function countUsers({ layers, actives }: Pick<LayerIndex, "layers" | "actives">): UserCounts {
  const counts = new Map<ChainID, number>();
  const change = (parent: ChainID | undefined, by: 1 | -1) => {
    if (parent === undefined) return;
    const count = (counts.get(parent) ?? 0) + by;
    if (count > 0) counts.set(parent, count);
    else counts.delete(parent);
  };
  const users: UserCounts = {
    has: (chainId) => counts.has(chainId),
    add: (parent) => change(parent, 1),
    drop: (parent) => change(parent, -1),
  };
  for (const { parent } of [...layers.values(), ...actives.values()]) users.add(parent);
  return users;
}
