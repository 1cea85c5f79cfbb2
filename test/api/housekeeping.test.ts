import { afterAll, beforeAll, expect, test } from "bun:test";
import type { WireDiskUsage } from "../../src/wire/system.ts";
import type { FakeBuilder } from "./fake-builder.ts";
import { type ServedApi, serveFake } from "./harness.ts";

let api: ServedApi;
beforeAll(async () => {
  api = await serveFake();
});
afterAll(() => api[Symbol.asyncDispose]());

const df = async (path: string) => (await api.json("GET", path)) as WireDiskUsage;
const keys = async (path: string) =>
  Object.keys(await df(path))
    .sort()
    .join(" ");

const LISTS = "BuildCache Containers Images LayersSize Volumes";

test.each<[string, string]>([
  ["/v1.24/system/df", `BuildCache BuilderSize Containers Images LayersSize Volumes`],
  ["/v1.43/system/df", `BuildCache BuilderSize Containers Images LayersSize Volumes`],
  ["/v1.44/system/df", LISTS],
  ["/v1.51/system/df?type=image", LISTS],
  ["/v1.52/system/df?type=image", "BuildCache Containers ImageUsage Images LayersSize Volumes"],
  ["/v1.52/system/df?type=image&verbose=0", "ImageUsage"],
  ["/v1.52/system/df?type=build-cache&type=image&verbose=0", "BuildCacheUsage ImageUsage"],
  ["/v1.55/system/df?type=image&verbose=1", "Gantry ImageUsage"],
])("%s has %s", async (path, expected) => {
  expect(await keys(path)).toBe(expected);
});

test("sums always, items when verbose, our directories too", async () => {
  const { ImageUsage, Gantry } = await df("/v1.52/system/df?verbose=1");
  expect(ImageUsage).toMatchObject({ ActiveCount: 1, TotalCount: 1, TotalSize: 4_000_001, Reclaimable: 2 });
  expect(ImageUsage?.Items?.[0]).toMatchObject({ SharedSize: 1, Containers: 1 });
  expect(Gantry).toEqual({ TotalBytes: 7, Directories: [{ Path: "/data", Purpose: "all", Bytes: 7, Entries: 2 }] });
  expect((await df("/v1.52/system/df?verbose=0")).ImageUsage?.Items).toBeUndefined();
  expect((await df("/v1.51/system/df?type=volume")).Images).toBeNull();
});

test("a type that is none is refused, and not looked at before 1.42", async () => {
  const refused = await api.request("GET", "/v1.42/system/df?type=nonsense");
  expect([refused.status, refused.text]).toEqual([400, '{"message":"unknown object type: nonsense"}\n']);
  expect((await api.request("GET", "/v1.41/system/df?type=nonsense")).status).toBe(200);
});

test("images/prune hands the filters over, and refuses those that it does not know", async () => {
  const filters = encodeURIComponent('{"dangling":["false"],"label!":{"keep":true}}');
  expect(await api.json("POST", `/images/prune?filters=${filters}`)).toEqual({
    ImagesDeleted: [{ Deleted: `sha256:${"a".repeat(64)}` }],
    SpaceReclaimed: 5,
  });
  expect(api.engine.calls.at(-1)).toBe('prune images {"dangling":["false"],"label!":["keep"]}');
  expect((await api.request("POST", "/images/prune?filters=%7B%22name%22%3A%5B%22x%22%5D%7D")).status).toBe(400);
});

test("build/prune hands filters and limit over, under each of its names, and tells what went", async () => {
  const filters = encodeURIComponent('{"until":["24h"],"label":["ignored"]}');
  const pruned = { CachesDeleted: ["cache-1"], SpaceReclaimed: 123 };
  expect(await api.json("POST", `/build/prune?all=1&filters=${filters}`)).toEqual(pruned);
  await api.request("POST", "/build/prune?keep-storage=10");
  await api.request("POST", "/build/prune?reserved-space=20&max-used-space=0");
  expect((api.engine.builder as FakeBuilder).prunes).toEqual([
    { all: true, filters: { until: ["24h"] }, keepStorageBytes: undefined },
    { all: false, filters: {}, keepStorageBytes: 10 },
    { all: false, filters: {}, keepStorageBytes: 20 },
  ]);
  const refused = await api.request("POST", "/build/prune?keep-storage=much");
  expect([refused.status, refused.text]).toEqual([
    400,
    '{"message":"keep-storage is in bytes and expects an integer, got much"}\n',
  ]);
  expect((await api.request("POST", "/build/prune?filters=%7B%22colour%22%3A%5B%22x%22%5D%7D")).status).toBe(400);
});

test("a check streams its progress, and its report last", async () => {
  const { text } = await api.request("POST", "/gantry/system/check?repair=1");
  const lines = text.trim().split("\n");
  expect(JSON.parse(lines.at(-1) ?? "")).toEqual({
    aux: {
      Problems: [{ Kind: "orphan", Object: "/x", Fault: "is no blob", Repaired: true }],
      Blobs: 1,
      BlobBytes: 2,
      Layers: 3,
      Images: 4,
    },
  });
});
