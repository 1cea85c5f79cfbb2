import { expect, test } from "bun:test";
import type { CacheSpec } from "../../src/builder/builder.ts";
import type { BuildEvent } from "../../src/builder/events.ts";
import type { CachedResult } from "../../src/builder/remote-cache.ts";
import type { TreeResult } from "../../src/builder/results.ts";
import type { BuildSession } from "../../src/builder/session.ts";
import { digestOf } from "../../src/formats/oci/digest.ts";
import { startDockerRegistry, whyNoDockerRegistry } from "../harness/docker-registry.ts";
import { failure } from "../images/fixture.ts";
import { inProcess } from "../registry-server/in-process.ts";
import {
  imageOutput,
  never,
  openClient,
  openWorkshop,
  SCRATCH,
  solvedOf,
  targetOf,
  type Workshop,
} from "./workshop.ts";

interface Built {
  solved: ReturnType<typeof solvedOf>;
  cached: CachedResult[];
  /** What the result stands on, the result, and what another stage made. */
  trees: [TreeResult, TreeResult, TreeResult];
}

const KEYS = ["base", "top", "other stage"].map((name) => digestOf(name));

async function build(shop: Workshop): Promise<Built> {
  const base = await shop.layer(SCRATCH, { "etc/base": "base" });
  const top = await shop.layer(base, { "app/file": "top" });
  const other = await shop.layer(base, { "tmp/compiler": "other" });
  const trees: Built["trees"] = [base, top, other];
  return {
    solved: solvedOf(targetOf(top)),
    cached: trees.map((result, at) => ({ key: KEYS[at] as string, result })),
    trees,
  };
}

/** Looks for a key in another engine, and brings what it finds. */
async function bring(
  shop: Workshop,
  spec: CacheSpec,
  { key = KEYS[1] as string, session }: { key?: string; session?: BuildSession } = {},
) {
  const told: BuildEvent[] = [];
  const importer = shop.outputs.importCaches([spec], {
    ref: "import",
    session,
    report: (event) => void told.push(event),
    accounts: {},
  });
  const found = await importer.lookup(key, never);
  const errors = told.flatMap((event) =>
    event.kind === "vertex" && event.vertex.error !== "" ? [event.vertex.error] : [],
  );
  return { found, errors, told, importer };
}

function registryCache(ref: string, attributes: Record<string, string> = {}): CacheSpec {
  return { type: "registry", attributes: { ref, ...attributes } };
}

async function fetched(shop: Workshop, spec: CacheSpec, options: Parameters<typeof bring>[2] = {}) {
  const { found } = await bring(shop, spec, options);
  const held: string[] = [];
  const hold = (keys: string[]) => {
    held.push(...keys);
    shop.images.store.leases.hold(keys);
  };
  const tree = await found?.fetch({ hold, signal: never });
  return { tree, held };
}

for (const judge of ["our own registry", "Docker's registry"]) {
  const why = judge === "Docker's registry" ? whyNoDockerRegistry() : undefined;
  test.skipIf(why !== undefined)(
    `a cache in ${judge} gives another engine the layers of a step, once they are wanted ${why ?? ""}`,
    async () => {
      await using shop = await openWorkshop();
      await using registry = judge === "our own registry" ? await inProcess() : await startDockerRegistry();
      const ref = `${"url" in registry ? new URL(registry.url).host : registry.host}/cache:app`;
      const { solved, cached, trees } = await build(shop);
      const { response } = await shop.export(solved, [], { cacheTo: [registryCache(ref)], cached });
      expect(JSON.parse(response["cache.manifest"] ?? "").mediaType).toBe("application/vnd.oci.image.manifest.v1+json");
      await using other = await openWorkshop();
      expect((await bring(other, registryCache(ref), { key: digestOf("unknown") })).found).toBeUndefined();
      expect((await bring(other, registryCache(ref), { key: KEYS[2] as string })).found).toBeUndefined();
      const { found } = await bring(other, registryCache(ref));
      expect(found?.layers.map(({ diffId }) => diffId)).toEqual(trees[1].layers.map(({ diffId }) => diffId));
      expect(other.snapshots.listLayers()).toEqual([]);
      expect(other.content.list()).toEqual([]);
      const { tree, held } = await fetched(other, registryCache(ref));
      expect(tree).toMatchObject({ kind: "tree", chainId: trees[1].chainId, createdAt: trees[1].createdAt });
      expect(tree?.added?.diffId).toBe(trees[1].added?.diffId);
      expect(held).toContain(trees[1].chainId as string);
      expect(other.snapshots.has(trees[1].chainId as string)).toBe(true);
      // The next cache is made of what was brought.
      await other.export(solvedOf(targetOf(tree as TreeResult)), [imageOutput(["app"])]);
      expect((await other.images.get("app")).chainId).toBe(trees[1].chainId);
    },
  );
}

test("with mode=max other stages are in the cache, too, and nothing of it stays here", async () => {
  await using shop = await openWorkshop();
  await using registry = await inProcess();
  const ref = `${new URL(registry.url).host}/cache:app`;
  const { solved, cached, trees } = await build(shop);
  const spec = registryCache(ref, { mode: "max", compression: "zstd" });
  await shop.export(solved, [], { cacheTo: [spec], cached });
  await shop.finish();
  expect(shop.content.list()).toEqual([]);
  await using other = await openWorkshop();
  const { tree } = await fetched(other, registryCache(ref), { key: KEYS[2] as string });
  expect(tree?.chainId).toBe(trees[2].chainId as string);
  expect(tree?.layers.map(({ mediaType }) => mediaType.split("+")[1])).toEqual(["zstd", "zstd"]);
});

test("an image with an inline cache is one wherever it was pushed, and says nothing of other stages", async () => {
  await using shop = await openWorkshop();
  await using registry = await inProcess();
  const name = `${new URL(registry.url).host}/app:1`;
  const { solved, cached, trees } = await build(shop);
  const inline: CacheSpec = { type: "inline", attributes: {} };
  const output = { type: "image" as const, names: [name], push: true, attributes: {} };
  await shop.export(solved, [output], { cacheTo: [inline], cached });
  await using other = await openWorkshop();
  for (const at of [0, 1]) {
    const { tree } = await fetched(other, registryCache(name), { key: KEYS[at] as string });
    expect(tree?.chainId).toBe(trees[at as 0 | 1].chainId as string);
  }
  expect((await bring(other, registryCache(name), { key: KEYS[2] as string })).found).toBeUndefined();
});

test("an image that is here is a cache only where it is named, and only with its records", async () => {
  await using shop = await openWorkshop();
  const { solved, cached, trees } = await build(shop);
  await shop.export(solved, [imageOutput(["plain"])]);
  await shop.export(solved, [imageOutput(["inline"])], { cacheTo: [{ type: "inline", attributes: {} }], cached });
  const key = KEYS[1] as string;
  const { tree } = await fetched(shop, registryCache("inline"), { key });
  expect(tree?.chainId).toBe(trees[1].chainId as string);
  expect(
    await shop.outputs
      .importCaches([], { ref: "r", session: undefined, report: () => {}, accounts: {} })
      .lookup(key, never),
  ).toBeUndefined();
  const plain = registryCache("localhost:1/plain");
  await shop.images.tag("plain", "localhost:1/plain");
  const { found, errors } = await bring(shop, plain, { key });
  expect(found).toBeUndefined();
  // Then its registry was asked, which is not there.
  expect(errors).toHaveLength(1);
});

test("a cache in a directory of the client", async () => {
  await using shop = await openWorkshop();
  const client = openClient();
  const { solved, cached, trees } = await build(shop);
  const { session } = client;
  const { response } = await shop.export(solved, [], {
    cacheTo: [{ type: "local", attributes: { dest: "/var/cache" } }],
    cached,
    session,
  });
  const { digest } = JSON.parse(response["cache.manifest"] ?? "") as { digest: string };
  for (const [key, blob] of Array.from(client.blobs)) client.blobs.set(key.replace("/var/cache", "/elsewhere"), blob);
  await using other = await openWorkshop();
  const from: CacheSpec = { type: "local", attributes: { src: "/elsewhere", digest } };
  const { tree } = await fetched(other, from, { session });
  expect(tree?.chainId).toBe(trees[1].chainId as string);
  const { errors } = await bring(other, from);
  expect(errors).toEqual(["cache of type local: this client offers no directory for it"]);
});

test("a layer that is not what the cache says is not used", async () => {
  await using shop = await openWorkshop();
  const client = openClient();
  const { solved, cached } = await build(shop);
  const { session } = client;
  const cacheTo: CacheSpec[] = [{ type: "local", attributes: { dest: "/c" } }];
  const { response } = await shop.export(solved, [], { cacheTo, cached, session });
  const { digest } = JSON.parse(response["cache.manifest"] ?? "") as { digest: string };
  const [layer] = [...client.blobs.keys()];
  client.blobs.set(layer as string, Buffer.from("something else"));
  await using other = await openWorkshop();
  const from: CacheSpec = { type: "local", attributes: { src: "/c", digest } };
  expect(await failure(fetched(other, from, { session }))).toMatch(/unexpected (size|digest)/);
  expect(other.snapshots.listLayers()).toEqual([]);
  await other.images.store.collect();
});

test("a cache that cannot be reached is told of and knows nothing; one that cannot be written fails the build unless that is of no matter", async () => {
  await using shop = await openWorkshop();
  const { solved, cached } = await build(shop);
  const spec = registryCache("localhost:1/cache");
  const { found, errors, told } = await bring(shop, spec);
  expect(found).toBeUndefined();
  expect(errors).toHaveLength(1);
  expect(told[0]).toMatchObject({ vertex: { name: "importing cache manifest from localhost:1/cache" } });
  expect(await failure(shop.export(solved, [], { cacheTo: [spec], cached }))).toContain("localhost:1");
  const ignoring = registryCache("localhost:1/cache", { "ignore-error": "true" });
  expect((await shop.export(solved, [], { cacheTo: [ignoring], cached })).response).toEqual({});
});
