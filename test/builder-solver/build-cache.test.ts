import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSystemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { TreeResult } from "../../src/builder/results.ts";
import { createBuildCache } from "../../src/builder/solver/build-cache.ts";
import { BUILD_CACHE_MIGRATION, createBuildCacheRecords } from "../../src/storage/records/build-cache.ts";
import { openDatabase } from "../../src/storage/records/database.ts";
import { until } from "../harness/until.ts";
import { layerOn } from "./test-solver.ts";

const directory = mkdtempSync(join(tmpdir(), "gantry-build-cache-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const nothing: TreeResult = { kind: "tree", layers: [], chainId: undefined, createdAt: new Date(0), added: undefined };
const first = layerOn(nothing, "first");
const second = layerOn(first, "second");

/** The same database again, as another daemon opens it. */
function open(name: string, layers: Set<string>) {
  const database = openDatabase(join(directory, name), [BUILD_CACHE_MIGRATION], { durable: true });
  const records = createBuildCacheRecords(database);
  const deps = { records, clock: createSystemClock(), logger: silentLogger };
  const cache = createBuildCache({ ...deps, snapshots: { has: (chainId) => layers.has(chainId) } });
  return { cache, records, database, close: () => (cache.flush(), database.close()) };
}

const layersOf = (...results: TreeResult[]) => new Set(results.map(({ chainId }) => String(chainId)));

test("results are there again for the next daemon, with the times of their layers", () => {
  const layers = layersOf(first, second);
  const before = open("a.db", layers);
  before.cache.put({ key: "k1", base: nothing, result: first, description: "[1/2] RUN first" });
  before.cache.put({ key: "k2", base: first, result: second, description: "[2/2] RUN second" });
  before.close();
  const { cache, close } = open("a.db", layers);
  expect(cache.find("k1", nothing)).toEqual(first);
  expect(cache.find("k2", first)).toEqual(second);
  expect(cache.find("k3", nothing)).toBeUndefined();
  expect(new Set(cache.roots())).toEqual(layers);
  expect(cache.rows().find(({ key }) => key === "k2")).toMatchObject({
    usageCount: 2,
    description: "[2/2] RUN second",
  });
  close();
});

test("a result whose layer is gone is none, now and for the next daemon", () => {
  const layers = layersOf(first, second);
  const before = open("b.db", layers);
  before.cache.put({ key: "k1", base: nothing, result: first, description: "" });
  before.cache.put({ key: "k2", base: first, result: second, description: "" });
  layers.delete(String(second.chainId));
  expect(before.cache.find("k2", first)).toBeUndefined();
  expect(before.cache.roots()).toEqual([String(first.chainId)]);
  layers.clear();
  before.close();
  const { cache, records, close } = open("b.db", layers);
  expect(cache.rows()).toEqual([]);
  cache.flush();
  expect(records.all()).toEqual([]);
  close();
});

test("a record that was damaged, or that stands on something else, puts no other files into an image", () => {
  const layers = layersOf(first, second);
  const { cache, close } = open("c.db", layers);
  cache.put({ key: "k", base: first, result: { ...second, chainId: first.chainId }, description: "" });
  expect(cache.find("k", first)).toBeUndefined();
  cache.put({ key: "k", base: first, result: second, description: "" });
  expect(cache.find("k", nothing)).toBeUndefined();
  close();
});

test("a step that changed nothing is cached, too, and keeps nobody's layer", () => {
  const { cache, close } = open("d.db", layersOf(first));
  cache.put({ key: "k", base: first, result: { ...first, added: undefined }, description: "WORKDIR /" });
  expect(cache.find("k", first)).toEqual({ ...first, added: undefined });
  expect(cache.roots()).toEqual([]);
  close();
});

test("blobs of layers that came from elsewhere are kept with them", () => {
  const { cache, close } = open("e.db", layersOf(first));
  const [row] = first.layers;
  const compressed = { ...first, layers: [{ ...row, digest: "sha256:gzip" } as never] };
  cache.put({ key: "k", base: nothing, result: compressed, description: "" });
  expect(cache.roots()).toEqual([String(first.chainId), "sha256:gzip"]);
  close();
});

test("records are written soon, together, and the database stays durable for the others", async () => {
  const { cache, records, database, close } = open("f.db", layersOf(first));
  cache.put({ key: "k1", base: nothing, result: first, description: "" });
  cache.put({ key: "k2", base: nothing, result: first, description: "" });
  expect(records.all()).toEqual([]);
  await until("they are written", () => records.all().length === 2);
  expect(database.query("PRAGMA synchronous").get()).toEqual({ synchronous: 2 });
  cache.remove(["k1"]);
  close();
  const again = open("f.db", layersOf(first));
  expect(again.records.all().map(({ key }) => key)).toEqual(["k2"]);
  again.close();
});

test("a disk that takes no record does not end a build", () => {
  const failing = {
    all: () => [],
    write: () => {
      throw new Error("database or disk is full");
    },
  };
  const cache = createBuildCache({
    records: failing,
    snapshots: { has: () => true },
    clock: createSystemClock(),
    logger: silentLogger,
  });
  cache.put({ key: "k", base: nothing, result: first, description: "" });
  cache.flush();
  expect(cache.find("k", nothing)).toEqual(first);
  cache.flush();
});
