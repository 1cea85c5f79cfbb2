import { expect, test } from "bun:test";
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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

/** As the disk may be after a power cut: the layer has its name, its files are torn. `"record"`: so is what it says of itself. */
function cutPower(fixture: Fixture, torn: "files" | "record"): void {
  for (const number of readdirSync(join(fixture.root, "snapshots")).filter((name) => /^\d+$/.test(name))) {
    const directory = join(fixture.root, "snapshots", number);
    writeFileSync(join(directory, "unsettled"), "this");
    truncateSync(join(directory, torn === "files" ? "fs/hello" : "layer.json"));
  }
}

test.each(["files", "record"] as const)(
  "fault 63: an image whose only layer was torn (its %s) by a power cut is gone with its names, and can be built again",
  async (torn) => {
    await using fixture = await openFixture();
    const tree = await buildImage(fixture);
    await fixture.snapshots.settle();
    cutPower(fixture, torn);
    await using next = await openFixture(fixture.root, "next");
    expect([next.images.library.entries(), next.images.library.damaged()]).toEqual([[], []]);
    expect(await failure(next.images.get("own"))).toContain("No such image");
    expect(next.snapshots.has(tree.chainId as string)).toBe(false);
    // Collected with it, so that nothing can find half of it.
    expect(next.snapshots.listLayers()).toEqual([]);
    expect(next.content.list()).toEqual([]);
    const again = await buildImage(next);
    expect(again.chainId).toBe(tree.chainId as string);
    expect(readFileSync(`${next.snapshots.layerDirectory(tree.chainId as string)}/hello`, "utf8")).toBe("world");
    await next.snapshots.settle();
    await using last = await openFixture(fixture.root, "last");
    expect((await last.images.get("own")).chainId).toBe(tree.chainId as string);
  },
);

test("fault 63: an image that was saved before the power cut is made anew of its archive", async () => {
  await using fixture = await openFixture();
  const tree = await buildImage(fixture);
  await collect(await fixture.images.save(["own"], { signal: never }));
  await fixture.snapshots.settle();
  cutPower(fixture, "files");
  await using next = await openFixture(fixture.root, "next");
  expect((await next.images.get("own")).chainId).toBe(tree.chainId as string);
  expect(readFileSync(`${next.snapshots.layerDirectory(tree.chainId as string)}/hello`, "utf8")).toBe("world");
});

test("fault 63: a container on a layer that a power cut has torn is told so, and not started on half of it", async () => {
  await using fixture = await openFixture();
  const tree = await buildImage(fixture);
  await fixture.snapshots.prepare("container", tree.chainId);
  await fixture.snapshots.settle();
  cutPower(fixture, "files");
  await using next = await openFixture(fixture.root, "next");
  expect(next.images.library.entries()).toEqual([]);
  expect(() => next.snapshots.mounts("container")).toThrow(`layer ${tree.chainId} is damaged`);
  await buildImage(next);
  expect(next.snapshots.mounts("container").kind).toBe("overlay");
});
