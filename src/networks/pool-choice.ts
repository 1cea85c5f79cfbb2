import { EngineError } from "../base/errors.ts";
import { overlaps, parseCidr, type Subnet } from "./ipv4.ts";

/** Docker's own default address pools, in its order: 172.17–172.31 as /16, then 192.168.0.0/16 cut into /20. */
const DEFAULT_POOLS: { base: string; size: number }[] = [
  { base: "172.17.0.0/16", size: 16 },
  { base: "172.18.0.0/16", size: 16 },
  { base: "172.19.0.0/16", size: 16 },
  { base: "172.20.0.0/14", size: 16 },
  { base: "172.24.0.0/14", size: 16 },
  { base: "172.28.0.0/14", size: 16 },
  { base: "192.168.0.0/16", size: 20 },
];

/** The first default pool that overlaps none of `taken` (the host's routes, other networks). Throws unavailable. */
export function choosePool(taken: Subnet[]): Subnet {
  for (const { base, size } of DEFAULT_POOLS) {
    const { subnet } = parseCidr(base);
    for (let index = 0; index < 2 ** (size - subnet.prefixLength); index++) {
      const candidate = { network: subnet.network + index * 2 ** (32 - size), prefixLength: size };
      if (!taken.some((other) => overlaps(other, candidate))) return candidate;
    }
  }
  throw new EngineError("unavailable", "all predefined address pools have been fully subnetted");
}
