import { expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { createSystemClock } from "../../src/base/clock.ts";
import { randomId } from "../../src/base/ids.ts";
import { createLayers } from "../../src/builder/layers/create-layers.ts";
import type { TreeResult } from "../../src/builder/results.ts";
import { type Digest, digestOf } from "../../src/formats/oci/digest.ts";
import { encodeManifest } from "../../src/formats/oci/manifest.ts";
import { MEDIA_TYPES } from "../../src/formats/oci/media-types.ts";
import { parseReference } from "../../src/formats/reference/reference.ts";
import { checkImages } from "../../src/images/check-images.ts";
import { collect, configOf, type Fixture, failure, load, openFixture } from "../images/fixture.ts";

const SCRATCH: TreeResult = { kind: "tree", layers: [], chainId: undefined, createdAt: new Date(0), added: undefined };
const never = new AbortController().signal;

/** An image whose only layer exists as a directory. */
async function buildImage({ snapshots, content, images }: Fixture): Promise<TreeResult> {
  const layers = createLayers({ snapshots, clock: createSystemClock(), randomId, failpoint: () => {} });
  const tree = await layers.fill(SCRATCH, { epochSeconds: 1000, hold: () => {}, signal: never }, async (directory) =>
    writeFileSync(`${directory}/hello`, "world"),
  );
  const { diff_ids: _, ...document } = JSON.parse(configOf([])) as Record<string, unknown>;
  const rootfs = { type: "layers", diff_ids: tree.layers.map(({ diffId }) => diffId) };
  const config = Buffer.from(JSON.stringify({ ...document, rootfs }));
  const id = digestOf(config);
  const manifest = encodeManifest(
    { digest: id, sizeBytes: config.length, mediaType: MEDIA_TYPES.ociConfig, annotations: {} },
    tree.layers.map(({ digest, sizeBytes, mediaType }) => ({ digest, sizeBytes, mediaType, annotations: {} })),
  );
  await content.put(config);
  const { digest: manifestDigest } = await content.put(manifest);
  const references = [parseReference("own:latest")];
  await images.store.install({ row: { id, manifestDigest, layers: tree.layers }, references, signal: never });
  return tree;
}

test("an image of layers without archives is whole, survives a restart and a collection, and gets its archives when it is saved", async () => {
  await using fixture = await openFixture();
  const tree = await buildImage(fixture);
  const diffId = tree.added?.diffId as Digest;
  expect(fixture.content.has(diffId)).toBe(false);
  await using again = await openFixture(fixture.root);
  expect(await checkImages({ ...again, library: again.images.library })).toEqual([]);
  expect(again.snapshots.has(tree.chainId as string)).toBe(true);
  const archive = await collect(await again.images.save(["own"], { signal: never }));
  expect(again.content.has(diffId)).toBe(true);
  await using other = await openFixture();
  await load(other.images, archive);
  expect((await other.images.get("own")).id).toBe((await again.images.get("own")).id);
});

test("a layer that came as an archive and is built once more counts as built", async () => {
  await using fixture = await openFixture();
  await buildImage(fixture);
  const archive = await collect(await fixture.images.save(["own"], { signal: never }));
  await using other = await openFixture();
  await load(other.images, archive);
  const { chainId } = await other.images.get("own");
  expect(other.snapshots.isSealed(chainId as string)).toBe(false);
  await buildImage(other);
  expect(other.snapshots.isSealed(chainId as string)).toBe(true);
  await using again = await openFixture(other.root);
  expect(again.snapshots.isSealed(chainId as string)).toBe(true);
});

test("files that are not what they were make no archive", async () => {
  await using fixture = await openFixture();
  const tree = await buildImage(fixture);
  rmSync(`${fixture.snapshots.layerDirectory(tree.chainId as string)}/hello`);
  expect(await failure(fixture.images.save(["own"], { signal: never }))).toContain("its files are not what they were");
  expect(fixture.content.list()).toHaveLength(2);
});
