/** Digests and chainIDs that somebody is about to refer to; the collector leaves them alone. */
export interface Leases {
  /** Returns the release, which may be called once more without harm. */
  hold(keys: Iterable<string>): () => void;
  has(key: string): boolean;
  /** Notes every key that is held from now on, also those that are released again: whoever held one may have referred to it. */
  watch(): LeaseWatch;
}

export interface LeaseWatch extends Disposable {
  /** Held now, or at any time since the watch began. */
  has(key: string): boolean;
}

export function createLeases(): Leases {
  const counts = new Map<string, number>();
  const watches = new Set<Set<string>>();
  return {
    has: (key) => counts.has(key),
    hold(keys) {
      let held = [...keys];
      for (const key of held) {
        counts.set(key, (counts.get(key) ?? 0) + 1);
        for (const seen of watches) seen.add(key);
      }
      return () => {
        for (const key of held) {
          const count = (counts.get(key) ?? 0) - 1;
          if (count > 0) counts.set(key, count);
          else counts.delete(key);
        }
        held = [];
      };
    },
    watch() {
      const seen = new Set(counts.keys());
      watches.add(seen);
      return { has: (key) => seen.has(key), [Symbol.dispose]: () => void watches.delete(seen) };
    },
  };
}
