import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { type Digest, digestOf } from "../../src/formats/oci/digest.ts";
import { MEDIA_TYPES } from "../../src/formats/oci/media-types.ts";
import { ARCHITECTURE, type FakeRegistry, startFakeRegistry } from "../harness/fake-registry.ts";
import { answer, head } from "../harness/raw-http.ts";
import { isRoot } from "../images/fixture.ts";
import { layer, openPuller, type Puller } from "./puller.ts";

/** Images that are not what they are said to be. Each is refused in words, and nothing of it stays. */
let registry: FakeRegistry;
let puller: Puller;

beforeEach(async () => {
  registry = await startFakeRegistry();
  puller = await openPuller();
});
afterEach(async () => {
  await puller?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
});

const name = () => `${registry.host}/a/b:1`;
const TAR = layer("file");
const GZIP = gzipSync(TAR);
const PLATFORM = { os: "linux", architecture: ARCHITECTURE };

async function refused(): Promise<string> {
  const { failure = "it worked" } = await puller.pull(name());
  expect(await puller.leftovers()).toEqual([]);
  expect(puller.images.library.entries()).toEqual([]);
  return failure.replaceAll(registry.host, "HOST");
}

/** What an index says of a document. */
function describeDocument(bytes: Uint8Array, mediaType: string = MEDIA_TYPES.ociManifest) {
  return { mediaType, digest: digestOf(bytes), size: bytes.length, platform: PLATFORM };
}

describe.skipIf(!isRoot)("attack 32", () => {
  const cut = GZIP.subarray(0, GZIP.length - 20);
  const rubbish = Buffer.concat([GZIP, Buffer.from("garbage after it")]);
  test.each<[string, Parameters<FakeRegistry["putImage"]>[2], RegExp]>([
    [
      "attack 32: a blob shorter than its descriptor",
      [{ bytes: GZIP, diffId: digestOf(TAR), size: GZIP.length + 1 }],
      /^invalid-argument: blob sha256:\S+ has \d+ bytes at the registry, \d+ were announced$/,
    ],
    [
      "attack 32: a blob longer than its descriptor",
      [{ bytes: GZIP, diffId: digestOf(TAR), size: GZIP.length - 1 }],
      /^invalid-argument: blob sha256:\S+ has \d+ bytes at the registry/,
    ],
    [
      "attack 32: a blob of another digest",
      [{ bytes: GZIP, diffId: digestOf(TAR), digest: digestOf("other") }],
      /^invalid-argument: filesystem layer verification failed for digest sha256:/,
    ],
    [
      "attack 32: a diffID of something else",
      [{ bytes: GZIP, diffId: digestOf("other") }],
      /^invalid-argument: wrong diff id calculated on extraction "sha256:/,
    ],
    [
      "attack 32: a gzip stream that is cut short",
      [{ bytes: cut, diffId: digestOf(TAR) }],
      /^invalid-argument: .*gzip: /,
    ],
    ["attack 32: garbage behind a gzip stream", [{ bytes: rubbish, diffId: digestOf(TAR) }], /^invalid-argument: /],
    ["attack 32: a layer that is no archive", [{ bytes: Buffer.from("hello") }], /^invalid-argument: /],
    ["attack 32: an archive that is cut short", [{ bytes: TAR.subarray(0, 600) }], /^invalid-argument: /],
    [
      "attack 32: xz, which nobody agreed on",
      [{ bytes: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1, 2]) }],
      /^invalid-argument: .*xz are not supported/,
    ],
  ])("%s is refused", async (_what, layers, words) => {
    registry.putImage("a/b", "1", layers);
    expect(await refused()).toMatch(words);
  });

  test("attack 32: a length that only shows while it comes is refused", async () => {
    const { layers } = registry.putImage("a/b", "1", [{ bytes: GZIP, diffId: digestOf(TAR) }]);
    registry.on(/blobs/, (request) => {
      if (!request.path.endsWith(layers[0]?.digest ?? "")) return false;
      request.socket.end(`${head(200, { Connection: "close" })}${"x".repeat(GZIP.length + 1)}`);
      return true;
    });
    expect(await refused()).toMatch(/^invalid-argument: /);
  });

  test("attack 32: config bytes of another digest or size are refused", async () => {
    const { configDigest, config } = registry.putImage("a/b", "1", [TAR]);
    registry.blobs.set(configDigest, Buffer.concat([config, Buffer.from(" ")]));
    expect(await refused()).toMatch(
      /^invalid-argument: blob sha256:\S+ has \d+ bytes at the registry, \d+ were announced$/,
    );
    registry.blobs.set(
      configDigest,
      Buffer.from(config.toString().replace("amd64", "amd46").replace("arm64", "arm46")),
    );
    expect(await refused()).toMatch(/^invalid-argument: blob sha256:\S+: wrong size or digest$/);
  });

  test.each<[string, Parameters<FakeRegistry["putImage"]>[2]]>([
    [
      "two gzip members, one behind the other",
      [{ bytes: Buffer.concat([gzipSync(TAR.subarray(0, 512)), gzipSync(TAR.subarray(512))]), diffId: digestOf(TAR) }],
    ],
    ["zstd", [{ bytes: zstdCompressSync(TAR), diffId: digestOf(TAR), mediaType: MEDIA_TYPES.ociLayerZstd }]],
    ["an uncompressed layer", [{ bytes: TAR, mediaType: MEDIA_TYPES.ociLayer }]],
    ["zstd that is said to be gzip", [{ bytes: zstdCompressSync(TAR), diffId: digestOf(TAR) }]],
    [
      "a layer of the old kind that was not to be distributed",
      [{ bytes: GZIP, diffId: digestOf(TAR), mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" }],
    ],
    ["no layer at all", []],
    ["one layer twice", [TAR, TAR]],
  ])("attack 32: %s is good", async (_what, layers) => {
    const { configDigest } = registry.putImage("a/b", "1", layers);
    expect((await puller.pull(name())).failure).toBeUndefined();
    expect(puller.images.library.entries().map(({ row }) => row.id)).toEqual([configDigest]);
    expect(await puller.leftovers()).toEqual([]);
  });

  test("attack 32: sha512 digests are verified by sha512", async () => {
    const sha512 = (bytes: Uint8Array) => `sha512:${new Bun.CryptoHasher("sha512").update(bytes).digest("hex")}`;
    registry.putImage("a/b", "1", [{ bytes: GZIP, diffId: digestOf(TAR), digest: sha512(Buffer.from("other")) }]);
    expect(await refused()).toMatch(/verification failed for digest sha512:/);
    registry.putImage("a/b", "1", [{ bytes: GZIP, diffId: digestOf(TAR), digest: sha512(GZIP) }]);
    expect((await puller.pull(name())).failure).toBeUndefined();
    expect(puller.content.has(sha512(GZIP) as Digest)).toBe(true);
  });
});

describe.skipIf(!isRoot)("attack 33", () => {
  const image = () =>
    JSON.parse(registry.putImage("a/b", "good", [TAR]).manifest.toString()) as Record<string, unknown>;

  test("attack 33: a document that is a manifest and an index is refused", async () => {
    registry.putManifest("a/b", "1", { ...image(), manifests: [] });
    expect(await refused()).toMatch(/^invalid-argument: .*must be either an image manifest or an index$/);
    registry.putManifest("a/b", "1", { ...image(), fsLayers: [] });
    expect(await refused()).toMatch(/must be either/);
  });

  test("attack 33: a Content-Type that says otherwise than the bytes is refused", async () => {
    const document = image();
    registry.putManifest("a/b", "1", document, MEDIA_TYPES.ociIndex);
    expect(await refused()).toMatch(/^invalid-argument: manifest sha256:\S+ (says|is not of media type) /);
    registry.putManifest("a/b", "1", document, MEDIA_TYPES.dockerManifest);
    expect(await refused()).toMatch(
      /^invalid-argument: manifest sha256:\S+ says application\/vnd.oci.image.manifest.v1\+json, its server /,
    );
    delete document.mediaType;
    registry.putManifest("a/b", "1", document, MEDIA_TYPES.dockerIndex);
    expect(await refused()).toMatch(/is not of media type/);
  });

  test("attack 33: what an index says of a manifest must hold", async () => {
    const { manifest } = registry.putImage("a/b", "good", [TAR]);
    const one = describeDocument(manifest);
    const index = (entry: object) => ({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [entry] });
    registry.putManifest("a/b", "1", index({ ...one, size: one.size + 1 }));
    expect(await refused()).toMatch(/^invalid-argument: manifest sha256:\S+ has \d+ bytes, \d+ were announced$/);
    registry.putManifest("a/b", "1", index({ ...one, mediaType: MEDIA_TYPES.ociIndex }));
    expect(await refused()).toMatch(/is not of media type application\/vnd.oci.image.index/);
    registry.putManifest("a/b", "1", index({ ...one, digest: digestOf("absent") }));
    expect(await refused()).toMatch(/^not-found: manifest for HOST\/a\/b:1 not found: manifest unknown/);
    registry.putManifest("a/b", "1", index(one));
    expect((await puller.pull(name())).failure).toBeUndefined();
  });

  test("attack 33: indexes within indexes have an end", async () => {
    let { bytes } = { bytes: registry.putImage("a/b", "good", [TAR]).manifest };
    let mediaType: string = MEDIA_TYPES.ociManifest;
    for (let depth = 0; depth < 6; depth++) {
      const manifests = [describeDocument(bytes, mediaType)];
      mediaType = MEDIA_TYPES.ociIndex;
      bytes = registry.putManifest("a/b", String(depth), { schemaVersion: 2, mediaType, manifests }).bytes;
    }
    expect((await puller.pull(`${registry.host}/a/b:3`)).failure).toBeUndefined();
    expect((await puller.pull(`${registry.host}/a/b:5`)).failure).toMatch(
      /^invalid-argument: 5: indexes nested too deeply$/,
    );
  });

  test("attack 33: 10,000 entries, 10 MB of annotations and a config that is a layer, too, are refused", async () => {
    const { manifest, config } = registry.putImage("a/b", "good", [TAR]);
    const entry = describeDocument(manifest);
    const index = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociIndex,
      manifests: Array.from({ length: 10_000 }, () => entry),
    };
    registry.putManifest("a/b", "1", index);
    expect(await refused()).toMatch(/^invalid-argument: .*manifests/);
    registry.putManifest("a/b", "1", { ...image(), annotations: { a: "x".repeat(10e6) } });
    expect(await refused()).toMatch(/larger than 4194304 bytes$/);
    registry.putManifest("a/b", "1", { ...image(), layers: Array.from({ length: 10_000 }, () => entry) });
    expect(await refused()).toMatch(/^invalid-argument: .*layers/);
    const document = image();
    const own = { mediaType: MEDIA_TYPES.ociLayerGzip, digest: digestOf(config), size: config.length };
    registry.putManifest("a/b", "1", { ...document, layers: [own] });
    expect(await refused()).toMatch(/^invalid-argument: /);
  });

  test("attack 33: what is no image says what it is", async () => {
    const config = registry.putBlob(Buffer.from("{}"));
    const chart = "application/vnd.cncf.helm.config.v1+json";
    const layers = [
      {
        mediaType: "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
        digest: registry.putBlob(GZIP),
        size: GZIP.length,
      },
    ];
    const document = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config: { mediaType: chart, digest: config, size: 2 },
      layers,
    };
    registry.putManifest("a/b", "1", document);
    expect(await refused()).toBe(`invalid-argument: Encountered remote "${chart}"(unknown) when fetching`);
    registry.putManifest(
      "a/b",
      "1",
      { schemaVersion: 1, name: "a/b", fsLayers: [] },
      "application/vnd.docker.distribution.manifest.v1+prettyjws",
    );
    expect(await refused()).toMatch(/^invalid-argument: .*unsupported schemaVersion 1$/);
    registry.on(
      /manifests/,
      (request) => (answer(request, { headers: { "Content-Type": "text/html" }, body: "<html>" }), true),
    );
    expect(await refused()).toMatch(/^invalid-argument: manifest sha256:/);
  });

  test("attack 33: an image of another system, and one whose parts disagree, are refused", async () => {
    registry.putImage("a/b", "1", [TAR], { os: "windows" });
    expect(await refused()).toBe('invalid-argument: image operating system "windows" cannot be used on this platform');
    registry.putImage("a/b", "1", [TAR], { rootfs: { type: "layers", diff_ids: [] } });
    expect(await refused()).toBe("invalid-argument: image config has 0 layers, its manifest 1");
  });
});
