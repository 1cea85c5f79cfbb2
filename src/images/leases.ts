/** Digests and chainIDs that somebody is about to refer to; the collector leaves them alone. */
export interface Leases {
  /** Returns the release, which may be called once more without harm. */
  hold(keys: Iterable<string>): () => void;
  has(key: string): boolean;
}

export function createLeases(): Leases {
  const counts = new Map<string, number>();
  return {
    has: (key) => counts.has(key),
    hold(keys) {
      let held = [...keys];
      for (const key of held) counts.set(key, (counts.get(key) ?? 0) + 1);
      return () => {
        for (const key of held) {
          const count = (counts.get(key) ?? 0) - 1;
          if (count > 0) counts.set(key, count);
          else counts.delete(key);
        }
        held = [];
      };
    },
  };
}
