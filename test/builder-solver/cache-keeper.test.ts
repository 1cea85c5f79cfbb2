import { expect, test } from "bun:test";
import { createSystemClock } from "../../src/base/clock.ts";
import { conflict } from "../../src/base/errors.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { KeptContext } from "../../src/builder/contexts/contexts.ts";
import type { TreeResult } from "../../src/builder/results.ts";
import { createBuildCache } from "../../src/builder/solver/build-cache.ts";
import { type CacheKeeperDeps, createCacheKeeper } from "../../src/builder/solver/cache-keeper.ts";
import { createLeases } from "../../src/images/leases.ts";
import { layerOn, memoryRecords } from "./test-solver.ts";

const nothing: TreeResult = { kind: "tree", layers: [], chainId: undefined, createdAt: new Date(0), added: undefined };

/** A store of layers that are a name and a parent; what nobody needs is gone after `collect`. */
class Store {
  readonly leases = createLeases();
  /** Parents by chainID. */
  readonly layers = new Map<string, string | undefined>();
  /** Layers that an image has. */
  readonly images: TreeResult[] = [];
  readonly kept = new Map<string, KeptContext>();
  readonly clock = createSystemClock();
  passedOver = false;
  layerBytes = 100;
  limitBytes = Number.POSITIVE_INFINITY;
  readonly cache = createBuildCache({
    records: memoryRecords(),
    snapshots: { has: (chainId) => this.layers.has(chainId) },
    clock: this.clock,
    logger: silentLogger,
  });

  keeper() {
    const { leases, layers, cache, clock } = this;
    const entries = () => this.images.map(({ layers: rows }) => ({ row: { layers: rows } }));
    return createCacheKeeper({
      cache,
      kept: [
        {
          type: "source.local",
          list: async () => [...this.kept.values()],
          remove: async (id: string) => {
            if (this.kept.get(id)?.inUse === true) throw conflict("in use");
            this.kept.delete(id);
          },
        },
      ],
      images: {
        store: { leases, collect: () => this.collect(), hasPassedOver: () => this.passedOver },
        library: { entries, damaged: () => [] },
      },
      snapshots: {
        has: (chainId: string) => layers.has(chainId),
        layerBytes: (chainId: string) => (layers.has(chainId) ? this.layerBytes : undefined),
        listLayers: () => [...layers.keys()],
        layerStack: (chainId: string) => this.stack(chainId),
        freedBytes: async (chainIds: string[]) =>
          chainIds.filter((chainId) => !layers.has(chainId)).length * this.layerBytes,
        listActive: () => [],
        stackOf: () => [],
      },
      policy: { rules: [{ all: false, filters: {}, keepStorageBytes: this.limitBytes }] },
      clock,
      logger: silentLogger,
      failpoint: () => {},
    } as unknown as CacheKeeperDeps);
  }

  stack(chainId: string): string[] {
    const parent = this.layers.get(chainId);
    return [...(this.layers.has(chainId) ? [chainId] : []), ...(parent === undefined ? [] : this.stack(parent))];
  }

  /** A cached step on `base`. */
  step(base: TreeResult, content: string): TreeResult {
    const result = this.layer(base, content);
    this.cache.put({ key: `sha256:${Bun.hash(content + String(base.chainId))}`, base, result, description: content });
    return result;
  }

  layer(base: TreeResult, content: string): TreeResult {
    const result = layerOn(base, content);
    this.layers.set(String(result.chainId), base.chainId);
    return result;
  }

  async collect(): Promise<void> {
    this.passedOver = false;
    const needed = new Set(this.cache.roots());
    for (const { layers: rows } of this.images) {
      let top = nothing;
      for (const row of rows) {
        top = { ...layerOn(top, ""), layers: [...top.layers, row], chainId: chainOf(top, row.diffId) };
        needed.add(String(top.chainId));
      }
    }
    for (let removed = true; removed; ) {
      removed = false;
      const parents = new Set(this.layers.values());
      for (const chainId of this.layers.keys()) {
        if (needed.has(chainId) || parents.has(chainId)) continue;
        if (this.leases.has(chainId)) {
          this.passedOver = true;
          continue;
        }
        this.layers.delete(chainId);
        removed = true;
      }
    }
  }
}

function chainOf(base: TreeResult, diffId: string): string {
  return base.chainId === undefined
    ? diffId
    : `sha256:${new Bun.CryptoHasher("sha256").update(`${base.chainId} ${diffId}`).digest("hex")}`;
}

const all = { all: false, filters: {}, keepStorageBytes: undefined };

test("records tell what they stand on and what they take; two of one layer take it once", async () => {
  const store = new Store();
  const first = store.step(nothing, "a");
  store.step(first, "b");
  store.cache.put({ key: "sha256:same", base: nothing, result: first, description: "a again" });
  const list = await store.keeper().list();
  const byName = Object.fromEntries(list.map((record) => [record.description, record]));
  expect(byName["b"]?.parents).toEqual([byName["a"]?.id as string]);
  expect(byName["a again"]?.parents).toEqual([byName["a"]?.id as string]);
  expect(list.map(({ description, sizeBytes }) => `${description} ${sizeBytes}`).sort()).toEqual([
    "a 100",
    "a again 0",
    "b 100",
  ]);
});

test("a prune takes everything but what a build holds, and tells what it gave back", async () => {
  const store = new Store();
  const first = store.step(nothing, "a");
  store.step(first, "b");
  store.step(nothing, "other");
  store.leases.hold([String(first.chainId)]);
  const keeper = store.keeper();
  const told: string[] = [];
  const { removed, reclaimedBytes } = await keeper.prune(all, ({ description }) => told.push(description));
  expect(removed.map(({ description }) => description).sort()).toEqual(["b", "other"]);
  expect(told.sort()).toEqual(["b", "other"]);
  expect(reclaimedBytes).toBe(200);
  expect([...store.layers.keys()]).toEqual([String(first.chainId)]);
});

test("a layer that an image has is shared: it is no gain, and stays unless all is said", async () => {
  const store = new Store();
  store.images.push(store.step(nothing, "a"));
  const keeper = store.keeper();
  expect((await keeper.list())[0]?.shared).toBe(true);
  expect(keeper.ownLayers()).toEqual(new Set());
  expect((await keeper.prune(all)).removed).toEqual([]);
  const pruned = await keeper.prune({ ...all, all: true });
  expect([pruned.removed.length, pruned.reclaimedBytes, store.layers.size]).toEqual([1, 0, 1]);
});

test("the base of an image that was removed is the cache's, and goes with the last step on it", async () => {
  const store = new Store();
  const base = store.layer(nothing, "base");
  store.step(base, "a");
  // What a pull that was broken off has brought is none of the cache's.
  const pulled = store.layer(nothing, "pulled");
  store.leases.hold([String(pulled.chainId)]);
  const keeper = store.keeper();
  expect((await keeper.list()).map(({ type, sizeBytes }) => [type, sizeBytes])).toEqual([
    ["regular", 100],
    ["internal", 100],
  ]);
  expect(keeper.ownLayers().size).toBe(2);
  const { removed, reclaimedBytes } = await keeper.prune({ ...all, all: true });
  expect([removed.length, reclaimedBytes, store.layers.size]).toEqual([1, 200, 1]);
});

test("while a build goes on the cache stays within its limit: the oldest goes, never what the build holds", async () => {
  const store = new Store();
  store.limitBytes = 500;
  const keeper = store.keeper();
  let most = 0;
  const old = store.step(nothing, "old");
  for (let at = 0; at < 20; at++) {
    await store.clock.sleep(2);
    keeper.grown(store.step(nothing, `other ${at}`));
    await keeper.settled();
    most = Math.max(most, store.layers.size);
  }
  expect(most).toBe(5);
  expect(store.layers.has(String(old.chainId))).toBe(false);
  // A build whose own steps are more than the limit gets them all.
  let top = nothing;
  for (let at = 0; at < 8; at++) {
    top = store.step(top, `chain ${at}`);
    store.leases.hold([String(top.chainId)]);
    keeper.grown(top);
    await keeper.settled();
  }
  expect(store.layers.size).toBe(8);
  expect(store.cache.rows().length).toBe(8);
});

test("contexts that are kept count, too, and the longest unused goes first; one in use stays", async () => {
  const store = new Store();
  store.limitBytes = 250;
  const context = (id: string, usedMs: number, inUse: boolean): KeptContext => ({
    id,
    description: id,
    sizeBytes: 100,
    inUse,
    createdAt: new Date(0),
    lastUsedAt: new Date(usedMs),
  });
  store.kept.set("used", context("used", 1, true));
  store.kept.set("old", context("old", 2, false));
  const keeper = store.keeper();
  store.step(nothing, "a");
  keeper.buildEnded();
  await keeper.settled();
  expect([...store.kept.keys()]).toEqual(["used"]);
  expect(store.layers.size).toBe(1);
});

test("a thing that comes into use while it is removed stays, and is not told as removed", async () => {
  const store = new Store();
  const keeper = store.keeper();
  store.kept.set("x", {
    id: "x",
    description: "",
    sizeBytes: 1,
    inUse: false,
    createdAt: new Date(0),
    lastUsedAt: new Date(0),
  });
  const list = store.kept.get("x") as KeptContext;
  const pruning = keeper.prune(all);
  list.inUse = true;
  expect(await pruning).toEqual({ removed: [], reclaimedBytes: 0 });
});

test("a layer whose record has a new result goes when the build is over, or when the last build that holds it is", async () => {
  const store = new Store();
  const keeper = store.keeper();
  const old = store.step(nothing, "date");
  const release = store.leases.hold([String(old.chainId)]);
  const key = String(store.cache.rows()[0]?.key);
  const result = store.layer(nothing, "date, later");
  store.cache.put({ key, base: nothing, result, description: "date" });
  keeper.buildEnded();
  await keeper.settled();
  expect(store.layers.has(String(old.chainId))).toBe(true);
  release();
  keeper.buildEnded();
  await keeper.settled();
  expect([...store.layers.keys()]).toEqual([String(result.chainId)]);
});
