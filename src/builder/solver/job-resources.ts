import type { Leases } from "../../images/leases.ts";

/** What a build holds until it is over, and until work that it has lent to others is. */
export interface JobResources {
  /** Keeps digests and chainIDs from being collected. */
  hold: (keys: string[]) => void;
  /** Given back only when this has come to its end, whichever. */
  lend: (work: Promise<unknown>) => void;
  /** Called once, at the end. */
  onRelease(release: () => void | Promise<void>): void;
  release(): Promise<void>;
}

export function createJobResources(leases: Leases): JobResources {
  const held = new Set<string>();
  const releases: (() => void | Promise<void>)[] = [];
  const lent = new Set<Promise<unknown>>();
  return {
    hold(keys) {
      const fresh = keys.filter((key) => !held.has(key));
      if (fresh.length === 0) return;
      for (const key of fresh) held.add(key);
      releases.push(leases.hold(fresh));
    },
    lend(work) {
      const ended = work.then(
        () => void lent.delete(ended),
        () => void lent.delete(ended),
      );
      lent.add(ended);
    },
    onRelease: (release) => void releases.push(release),
    async release() {
      while (lent.size > 0) await Promise.all(lent);
      const all = releases.splice(0);
      await Promise.allSettled(all.map(async (release) => release()));
    },
  };
}
