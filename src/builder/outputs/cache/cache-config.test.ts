import { expect, test } from "bun:test";
import { digestOf } from "../../../formats/oci/digest.ts";
import { MEDIA_TYPES } from "../../../formats/oci/media-types.ts";
import type { LayerRow } from "../../../storage/records/images.ts";
import { type CacheRecord, encodeCacheConfig, encodeInlineConfig, parseCacheConfig } from "./cache-config.ts";
import { parseInlineCache } from "./inline-cache.ts";

function layer(name: string): LayerRow {
  return {
    diffId: digestOf(`${name} plain`),
    digest: digestOf(name),
    sizeBytes: name.length,
    mediaType: MEDIA_TYPES.ociLayerGzip,
  };
}

const [A, B, C] = [layer("a"), layer("b"), layer("c")];
const createdAt = new Date(1_000_000);
const record = (key: string, layers: LayerRow[]): CacheRecord => ({
  key: digestOf(key),
  layers,
  createdAt,
  added: true,
});
const RECORDS = [record("1", [A]), record("2", [A, B]), record("3", [A, C]), record("0", [])];
const byKey = (records: CacheRecord[]) => new Map(records.map((one) => [one.key, one]));

test("what was written is read again; stacks share what they have in common", () => {
  const bytes = encodeCacheConfig(RECORDS);
  expect(byKey(parseCacheConfig(bytes, undefined))).toEqual(byKey(RECORDS));
  expect(JSON.parse(Buffer.from(bytes).toString()).layers).toHaveLength(3);
});

test("the same records give the same bytes, in whatever order", () => {
  const keys = (bytes: Uint8Array) =>
    JSON.parse(Buffer.from(bytes).toString()).records.map((one: { digest: string }) => one.digest);
  expect(keys(encodeCacheConfig(RECORDS))).toEqual(keys(encodeCacheConfig([...RECORDS].reverse())));
});

test("an image's own list names its layers by place, and is believed only where they are the same", () => {
  const bytes = encodeInlineConfig([A, B], RECORDS.slice(0, 2));
  expect(byKey(parseCacheConfig(bytes, [A, B]))).toEqual(byKey(RECORDS.slice(0, 2)));
  expect(parseCacheConfig(bytes, [A, C]).map(({ key }) => key)).toEqual([digestOf("1")]);
  expect(parseCacheConfig(bytes, [])).toEqual([]);
});

const HOSTILE: [string, object][] = [
  ["a circle", { layers: [{ blob: A.digest, parent: 0 }] }],
  [
    "a layer that stands on a later one",
    {
      layers: [
        { blob: A.digest, parent: 1 },
        { blob: B.digest, parent: -1 },
      ],
    },
  ],
  ["a place that is no number", { layers: [{ blob: A.digest, parent: "0" }] }],
  ["a layer that is no object", { layers: [1] }],
  ["a record that is no object", { layers: [], records: ["x"] }],
  [
    "a digest that is none",
    { layers: [{ blob: "sha256:zz", parent: -1, annotations: { diffID: A.diffId, mediaType: A.mediaType, size: 1 } }] },
  ],
];

for (const [what, document] of HOSTILE) {
  test(`a list with ${what} is refused`, () => {
    expect(() => parseCacheConfig(Buffer.from(JSON.stringify(document)), undefined)).toThrow();
  });
}

test("what another builder wrote in the same form is passed over", () => {
  const foreign = {
    layers: [
      { blob: A.digest, parent: -1 },
      { blob: B.digest, parent: 0, annotations: { mediaType: "application/x", diffID: B.diffId, size: 1 } },
    ],
    records: [
      { digest: digestOf("x"), results: [{ layer: 1, createdAt: createdAt.toISOString() }] },
      { digest: digestOf("y"), inputs: [[{ link: 0 }]] },
      { digest: digestOf("z"), results: [{ layer: 7, createdAt: createdAt.toISOString() }] },
    ],
  };
  expect(parseCacheConfig(Buffer.from(JSON.stringify(foreign)), undefined)).toEqual([]);
});

test("an image without a list is no cache, and a list that is none is refused", () => {
  expect(parseInlineCache({ rootfs: {} }, [A])).toEqual([]);
  expect(() => parseInlineCache({ "moby.buildkit.cache.v0": 1 }, [A])).toThrow("not a string");
  expect(() => parseInlineCache({ "moby.buildkit.cache.v0": "bm9uc2Vuc2U=" }, [A])).toThrow("invalid JSON");
});

test("bytes that were changed give an error of its class, or records", () => {
  const bytes = Buffer.from(encodeCacheConfig(RECORDS));
  for (let at = 0; at < bytes.length; at += 3) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] as number) ^ 0x15;
    try {
      for (const { layers } of parseCacheConfig(changed, undefined)) expect(layers.length).toBeLessThan(4);
    } catch (error) {
      expect((error as Error).name).toBe("EngineError");
    }
  }
});
