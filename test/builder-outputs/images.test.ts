import { expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chainIds } from "../../src/formats/oci/chain-id.ts";
import type { Digest } from "../../src/formats/oci/digest.ts";
import { checkImages } from "../../src/images/check-images.ts";
import { storeLeftovers } from "../harness/store-leftovers.ts";
import { collect, failure, load, openFixture } from "../images/fixture.ts";
import { imageOutput, never, openWorkshop, SCRATCH, solvedOf, targetOf, type Workshop } from "./workshop.ts";

const AMD64 = { os: "linux", architecture: "amd64" };
const ARM64 = { os: "linux", architecture: "arm64" };

async function twoLayers(shop: Workshop, text = "one") {
  return shop.layer(await shop.layer(SCRATCH, { "etc/base": "base" }), { "app/file": text });
}

test("a built image has its names, its history and its labels, and is the same when it is built again", async () => {
  await using shop = await openWorkshop();
  const tree = await twoLayers(shop);
  const first = await shop.export(solvedOf(targetOf(tree)), [imageOutput(["app", "reg.test/team/app:1"])]);
  const again = await shop.export(solvedOf(targetOf(tree)), [imageOutput(["app"])]);
  expect(again.imageId).toBe(first.imageId);
  const image = await shop.images.get("app");
  expect(image.id).toBe(first.imageId as string);
  expect(image.repoTags).toEqual(["app:latest", "reg.test/team/app:1"]);
  expect(image.config.labels).toEqual({ role: "built" });
  expect((await shop.images.history("app")).map(({ createdBy }) => createdBy)).toEqual(["COPY part 1", "COPY part 0"]);
  expect(first.response["containerimage.config.digest"]).toBe(image.id);
  expect(first.response["image.name"]).toBe("docker.io/library/app:latest,reg.test/team/app:1");
  const descriptor = JSON.parse(Buffer.from(first.response["containerimage.descriptor"] ?? "", "base64").toString());
  expect(descriptor).toMatchObject({
    digest: first.response["containerimage.digest"],
    platform: targetOf(tree).platform,
  });
});

test("no archive is made of an image that stays here, and the check finds it whole", async () => {
  await using shop = await openWorkshop();
  const tree = await twoLayers(shop);
  await shop.export(solvedOf(targetOf(tree)), [imageOutput(["app"])]);
  expect(tree.layers.map(({ digest }) => shop.content.has(digest))).toEqual([false, false]);
  expect(await checkImages({ ...shop, library: shop.images.library })).toEqual([]);
  await using other = await openFixture();
  await load(other.images, await collect(await shop.images.save(["app"], { signal: never })));
  expect((await other.images.get("app")).id).toBe((await shop.images.get("app")).id);
});

test("a name moves to the image that was built last, and what had it stays without", async () => {
  await using shop = await openWorkshop();
  const old = await shop.export(solvedOf(targetOf(await twoLayers(shop))), [imageOutput(["app"])]);
  const now = await shop.export(solvedOf(targetOf(await twoLayers(shop, "two"))), [imageOutput(["app"])]);
  expect((await shop.images.get("app")).id).toBe(now.imageId as string);
  expect((await shop.images.get(old.imageId as string)).repoTags).toEqual([]);
  expect(shop.published.map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
    `tag ${old.imageId}`,
    `tag ${now.imageId}`,
  ]);
  expect(shop.published[1]).toContain(`"name":"app:latest"`);
});

test("the base is recorded as the parent", async () => {
  await using shop = await openWorkshop();
  const base = await shop.layer(SCRATCH, { base: "base" });
  const { imageId } = await shop.export(solvedOf(targetOf(base)), [imageOutput(["base"])]);
  const target = { ...targetOf(await shop.layer(base, { top: "top" })), baseImageId: imageId as string };
  await shop.export(solvedOf(target), [imageOutput(["app"])]);
  expect((await shop.images.get("app")).parent).toBe(imageId as string);
});

test("an image of no layers is one, too, and one without a name is dangling", async () => {
  await using shop = await openWorkshop();
  const { imageId, response } = await shop.export(solvedOf(targetOf(SCRATCH)), [imageOutput([])]);
  const [image] = await shop.images.list({ all: false, filters: { dangling: ["true"] } });
  expect(image?.id).toBe(imageId as string);
  expect(response["image.name"]).toBeUndefined();
});

test("with a prefix for those without a name it is known by its digest there", async () => {
  await using shop = await openWorkshop();
  const output = imageOutput([], { "dangling-name-prefix": "built" });
  const { response } = await shop.export(solvedOf(targetOf(await twoLayers(shop))), [output]);
  const image = await shop.images.get(`built@${response["containerimage.digest"]}`);
  expect(image.repoDigests).toEqual([`built@${response["containerimage.digest"]}`]);
});

test("several platforms are images of their own behind one index, which the name leads to", async () => {
  await using shop = await openWorkshop();
  const tree = await twoLayers(shop);
  const other = await twoLayers(shop, "arm");
  const solved = solvedOf(targetOf(other, ARM64), targetOf(tree, AMD64));
  const { response } = await shop.export(solved, [imageOutput(["app"])]);
  const variants = shop.images.library.variants("app");
  expect(variants.map(({ document }) => document.config.architecture)).toEqual(["amd64", "arm64"]);
  expect(shop.images.library.completeIndex("app")).toBe(response["containerimage.digest"] as Digest);
  await using there = await openFixture();
  await load(there.images, await collect(await shop.images.save(["app"], { signal: never })));
  expect(there.images.library.completeIndex("app")).toBe(response["containerimage.digest"] as Digest);
  const layers = chainIds(other.layers.map(({ diffId }) => diffId));
  expect((await there.images.get("app", { platform: "linux/arm64" })).chainId).toBe(layers.at(-1));
});

test("annotations and media types are as asked", async () => {
  await using shop = await openWorkshop();
  const tree = await twoLayers(shop);
  const attributes = {
    "annotation.note": "manifest",
    "annotation[linux/amd64].note": "amd64",
    "annotation-index.note": "index",
    "annotation-manifest-descriptor.note": "descriptor",
    compression: "zstd",
  };
  const { response } = await shop.export(solvedOf(targetOf(tree, AMD64)), [imageOutput(["app"], attributes)]);
  const read = async (digest: unknown) =>
    JSON.parse(Buffer.from(await shop.content.read(digest as Digest, 1 << 20)).toString());
  const index = await read(response["containerimage.digest"]);
  expect(index.annotations).toEqual({ note: "index" });
  expect(index.manifests[0].annotations).toEqual({ note: "descriptor" });
  const manifest = await read(index.manifests[0].digest);
  expect(manifest.annotations).toEqual({ note: "amd64" });
  expect(manifest.layers.map(({ mediaType }: { mediaType: string }) => mediaType)).toEqual(
    Array(2).fill("application/vnd.oci.image.layer.v1.tar+zstd"),
  );
  const docker = await shop.export(solvedOf(targetOf(tree)), [imageOutput(["old"], { "oci-mediatypes": "false" })]);
  const old = await read(docker.response["containerimage.digest"]);
  expect([old.mediaType, old.config.mediaType, old.layers[0].mediaType]).toEqual([
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
  ]);
  expect(await checkImages({ ...shop, library: shop.images.library })).toEqual([]);
});

test("whoever is killed before the name has moved has changed nothing that is seen", async () => {
  let dies = "";
  await using shop = await openWorkshop(undefined, (name) => {
    if (name === dies) throw new Error(`killed at ${name}`);
  });
  const before = await shop.export(solvedOf(targetOf(await twoLayers(shop))), [imageOutput(["app"])]);
  const solved = solvedOf(targetOf(await twoLayers(shop, "amd"), AMD64), targetOf(await twoLayers(shop, "arm"), ARM64));
  dies = "export.documents";
  expect(await failure(shop.export(solved, [imageOutput(["app"])]))).toBe("killed at export.documents");
  expect((await shop.images.get("app")).id).toBe(before.imageId as string);
  expect(await shop.images.list({ all: true, filters: {} })).toHaveLength(1);
  await shop.finish();
  // Config and manifest, and the archive of the layer that both have in common.
  expect(shop.content.list()).toHaveLength(3);
  expect(shop.snapshots.listLayers()).toHaveLength(2);
});

for (const [point, variants] of [
  ["export.documents", 1],
  ["export.installed", 2],
] as const) {
  test(`after kill -9 at ${point} the name leads to one of both, whole, and nothing else is left`, async () => {
    const root = mkdtempSync(join(tmpdir(), "gantry-outputs-"));
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "export-child.ts"), root, point], {
      stdout: "ignore",
    });
    await child.exited;
    expect(child.signalCode).toBe("SIGKILL");
    await using again = await openFixture(root);
    expect(again.images.library.variants("app")).toHaveLength(variants);
    expect(await checkImages({ ...again, library: again.images.library })).toEqual([]);
    await collect(await again.images.save(["app"], { signal: never }));
    expect(storeLeftovers(root)).toEqual([]);
    const needed = again.images.store.needed();
    expect(again.content.list().filter(({ digest }) => !needed.blobs.has(digest))).toEqual([]);
  });
}

test("a plain image is stored in a few milliseconds, however large its layers are", async () => {
  await using shop = await openWorkshop();
  const tree = await shop.layer(SCRATCH, { large: "x".repeat(64 << 20) });
  const times: number[] = [];
  for (let run = 0; run < 5; run++) {
    const started = performance.now();
    await shop.export(solvedOf(targetOf(tree)), [imageOutput(["app"])]);
    times.push(performance.now() - started);
  }
  console.log(`plain export: ${times.map((ms) => ms.toFixed(1)).join(", ")} ms`);
  expect(Math.min(...times)).toBeLessThan(50);
});
