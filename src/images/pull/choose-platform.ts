import { normalisePlatform, type Platform, platformServes } from "../../formats/oci/platform.ts";

/** What runs best on `wanted`: its own architecture first, then the highest variant. undefined: none. Pure. */
export function choosePlatform<Entry extends { platform?: Platform }>(
  entries: readonly Entry[],
  wanted: Platform,
): Entry | undefined {
  const host = normalisePlatform(wanted);
  const rank = ({ platform }: Entry): [own: number, variant: string] => {
    const candidate = normalisePlatform(platform ?? host);
    return [candidate.architecture === host.architecture ? 1 : 0, candidate.variant ?? ""];
  };
  const [best] = entries
    .filter(({ platform }) => platform !== undefined && platformServes(wanted, platform))
    .map((entry) => ({ entry, rank: rank(entry) }))
    .sort((left, right) => right.rank[0] - left.rank[0] || right.rank[1].localeCompare(left.rank[1]));
  return best?.entry;
}
