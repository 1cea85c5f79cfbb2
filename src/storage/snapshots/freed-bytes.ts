import type { ChainID } from "./snapshots.ts";

/** Removed layers that nobody has asked about are remembered so long. */
const MAX_REMEMBERED = 10_000;

/**
 * What removed layers have given back: sizes of the files that had no other name when they were deleted. What a build context or
 * another layer has, too, stays, and is freed with the last of them.
 */
export class FreedBytes {
  /** Layers by the name that they have in the trash. */
  readonly #names = new Map<string, ChainID>();
  readonly #bytes = new Map<ChainID, number>();

  thrownAway(trashName: string, chainId: ChainID): void {
    this.#names.set(trashName, chainId);
  }

  /** `freed`: bytes by names in the trash. */
  deleted(freed: Record<string, number>): void {
    for (const [name, bytes] of Object.entries(freed)) {
      const chainId = this.#names.get(name);
      if (chainId === undefined) continue;
      this.#names.delete(name);
      this.#bytes.set(chainId, (this.#bytes.get(chainId) ?? 0) + bytes);
    }
    for (const chainId of [...this.#bytes.keys()].slice(0, Math.max(0, this.#bytes.size - MAX_REMEMBERED))) {
      this.#bytes.delete(chainId);
    }
  }

  /** Told once: a layer of this name may come and go again. */
  take(chainId: ChainID): number {
    const bytes = this.#bytes.get(chainId) ?? 0;
    this.#bytes.delete(chainId);
    return bytes;
  }
}
