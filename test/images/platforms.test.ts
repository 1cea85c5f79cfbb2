import { expect, test } from "bun:test";
import { digestOf } from "../../src/formats/oci/digest.ts";
import { encodeEnd, packFile } from "../../src/formats/tar/packer.ts";
import type { ImagesService } from "../../src/images/create-images.ts";
import { archiveOf, collect, configOf, failure, isRoot, load, openFixture, pieces } from "./fixture.ts";

const signal = new AbortController().signal;
const layer = (text: string) =>
  Buffer.concat([packFile({ name: "file", mode: 0o644 }, Buffer.from(text)), encodeEnd()]);

/** One image per platform, `os/architecture`, each with a tag of its own: `<architecture>:1`. */
function archive(platforms: string[]): Buffer {
  const files: Record<string, Uint8Array | string> = {};
  const listing = platforms.map((platform) => {
    const [os, architecture = ""] = platform.split("/");
    const bytes = layer(platform);
    files[`${architecture}.tar`] = bytes;
    files[`${architecture}.json`] = configOf([bytes], { os, architecture });
    return { Config: `${architecture}.json`, RepoTags: [`${architecture}:1`], Layers: [`${architecture}.tar`] };
  });
  return archiveOf({ ...files, "manifest.json": JSON.stringify(listing) });
}

const loadFor = (images: ImagesService, bytes: Buffer, platform: string) =>
  images.load(pieces(bytes), { quiet: true, platforms: [platform], report: () => {}, signal });

async function tags(images: ImagesService): Promise<string[]> {
  return (await images.list({ all: true, filters: {} })).flatMap(({ repoTags }) => repoTags).sort();
}

test.skipIf(!isRoot)("images of foreign platforms are loaded, but not those of another system", async () => {
  await using fixture = await openFixture();
  await load(fixture.images, archive(["linux/amd64", "linux/arm64"]));
  expect(await tags(fixture.images)).toEqual(["amd64:1", "arm64:1"]);
  expect(await failure(load(fixture.images, archive(["windows/amd64"])))).toBe("cannot load windows image on linux");
});

test.skipIf(!isRoot)("load --platform leaves out the others and keeps nothing of them", async () => {
  await using fixture = await openFixture();
  const bytes = archive(["linux/amd64", "linux/arm64"]);
  await loadFor(fixture.images, bytes, "linux/arm64");
  expect(await tags(fixture.images)).toEqual(["arm64:1"]);
  const digests = fixture.content.list().map(({ digest }) => digest);
  expect(digests).toContain(digestOf(layer("linux/arm64")));
  expect(digests).not.toContain(digestOf(layer("linux/amd64")));
  expect(await failure(loadFor(fixture.images, bytes, "linux/s390x"))).toBe(
    "image archive: no image for platform linux/s390x",
  );
});

test.skipIf(!isRoot)("save --platform refuses an image of another one", async () => {
  await using fixture = await openFixture();
  await load(fixture.images, archive(["linux/arm64"]));
  expect(await failure(fixture.images.save(["arm64:1"], { platforms: ["linux/amd64"], signal }))).toBe(
    "image with reference arm64:1 was found but its platform (linux/arm64) does not match the specified platform (linux/amd64)",
  );
  expect(
    (await collect(await fixture.images.save(["arm64"], { platforms: ["linux/arm64/v8"], signal }))).length,
  ).toBeGreaterThan(0);
});

test.skipIf(!isRoot)("import --platform writes it into the image; another system is refused", async () => {
  await using fixture = await openFixture();
  const options = { repository: "made", tag: "1", message: "", changes: [], source: "-", signal };
  await fixture.images.import(pieces(layer("x")), { ...options, platform: "linux/arm/v6" });
  const { config } = await fixture.images.get("made:1");
  expect([config.os, config.architecture, config.variant]).toEqual(["linux", "arm", "v6"]);
  expect(await failure(fixture.images.import(pieces(layer("x")), { ...options, platform: "windows/amd64" }))).toBe(
    "operating system is not supported",
  );
});
