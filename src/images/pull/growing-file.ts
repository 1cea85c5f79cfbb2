import type { Growth, GrowthMessage } from "../../storage/snapshots/unpack/unpack.ts";

/** The writer's side of a `Growth`. */
export interface GrowingFile extends Growth {
  reached(availableBytes: number): void;
  complete(): void;
}

export function createGrowingFile(availableBytes: number): GrowingFile {
  let state: GrowthMessage = { availableBytes, complete: false };
  const listeners = new Set<(state: GrowthMessage) => void>();
  const update = (next: GrowthMessage) => {
    state = next;
    for (const listener of listeners) listener(state);
  };
  return {
    reached: (bytes) => update({ ...state, availableBytes: bytes }),
    complete: () => update({ ...state, complete: true }),
    follow(listener) {
      listeners.add(listener);
      listener(state);
      return () => listeners.delete(listener);
    },
  };
}
