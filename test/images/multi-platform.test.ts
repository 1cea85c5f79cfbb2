import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { digestOf } from "../../src/formats/oci/digest.ts";
import { hostPlatform, type Platform } from "../../src/formats/oci/platform.ts";
import { encodeEnd, packFile } from "../../src/formats/tar/packer.ts";
import { archiveOf, collect, configOf, type Fixture, failure, isRoot, load, openFixture, pieces } from "./fixture.ts";
import { run, skopeo } from "./tools.ts";

const rootTest = test.skipIf(!isRoot);
const signal = new AbortController().signal;
const OWN = hostPlatform().architecture;
const layer = (text: string) =>
  Buffer.concat([packFile({ name: "file", mode: 0o644 }, Buffer.from(text)), encodeEnd()]);
const TYPES = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
};

class Layout {
  readonly files: Record<string, Uint8Array | string> = { "oci-layout": '{"imageLayoutVersion":"1.0.0"}' };

  put(mediaType: string, bytes: Uint8Array | string, more: object = {}) {
    const digest = digestOf(bytes);
    this.files[`blobs/sha256/${digest.slice("sha256:".length)}`] = bytes;
    return { mediaType, digest, size: Buffer.byteLength(bytes), ...more };
  }

  image(platform: Platform, { missing = false } = {}) {
    const bytes = layer(platform.architecture);
    const config = configOf([bytes], { ...platform });
    const manifest = JSON.stringify({
      schemaVersion: 2,
      config: this.put(TYPES.config, config),
      layers: [this.put(TYPES.layer, bytes)],
    });
    if (missing) delete this.files[`blobs/sha256/${digestOf(bytes).slice("sha256:".length)}`];
    return this.put(TYPES.manifest, manifest, { platform });
  }

  attestation() {
    const statement = this.put("application/vnd.in-toto+json", '{"_type":"x"}');
    const manifest = JSON.stringify({ schemaVersion: 2, config: this.put(TYPES.config, "{}"), layers: [statement] });
    return this.put(TYPES.manifest, manifest, { platform: { os: "unknown", architecture: "unknown" } });
  }

  archive(name: string, manifests: object[]): { archive: Buffer; index: string } {
    const index = this.put(TYPES.index, JSON.stringify({ schemaVersion: 2, mediaType: TYPES.index, manifests }));
    const annotations = { "io.containerd.image.name": name };
    this.files["index.json"] = JSON.stringify({ schemaVersion: 2, manifests: [{ ...index, annotations }] });
    return { archive: archiveOf(this.files), index: index.digest };
  }
}

/** Two platforms that are there, one without its layer, one of another system, and an attestation. */
function manyPlatforms() {
  const layout = new Layout();
  return layout.archive("docker.io/library/many:1", [
    layout.image({ os: "linux", architecture: "riscv64" }),
    layout.image({ os: "linux", architecture: OWN }),
    layout.image({ os: "linux", architecture: "s390x" }, { missing: true }),
    layout.image({ os: "windows", architecture: OWN }),
    layout.attestation(),
  ]);
}

const loadWith = ({ images }: Fixture, archive: Uint8Array, platforms: string[]) =>
  images.load(pieces(archive), { quiet: true, platforms, report: () => {}, signal });
const save = async ({ images }: Fixture, name: string, platforms?: string[]) =>
  collect(await images.save([name], { ...(platforms === undefined ? {} : { platforms }), signal }));
const architectures = ({ images }: Fixture, name: string) =>
  images.library.variants(name).map(({ document }) => document.config.architecture);

rootTest(
  "every platform that an archive has is loaded; the name stands for the host's, and remembers the index",
  async () => {
    await using fixture = await openFixture();
    const { archive, index } = manyPlatforms();
    expect((await load(fixture.images, archive)).map(({ stream }) => stream)).toEqual(["Loaded image: many:1\n"]);
    expect((await fixture.images.get("many:1")).config.architecture).toBe(OWN);
    expect(architectures(fixture, "many:1")).toEqual([OWN, "riscv64"]);
    expect(await fixture.images.list({ all: false, filters: {} })).toHaveLength(1);
    expect(await fixture.images.list({ all: true, filters: {} })).toHaveLength(2);
    expect(fixture.images.library.indexOf("many:1") as string).toBe(index);
    expect((await fixture.images.get("many:1")).repoDigests).toEqual([]);
  },
);

rootTest("what was loaded is saved with the same digests, and again the same after another load", async () => {
  await using from = await openFixture();
  await using to = await openFixture();
  const { archive, index } = manyPlatforms();
  await load(from.images, archive);
  const saved = await save(from, "many:1");
  await load(to.images, saved);
  expect(to.images.library.indexOf("many:1") as string).toBe(index);
  expect(architectures(to, "many:1")).toEqual(architectures(from, "many:1"));
  const digests = ({ content }: Fixture) =>
    content
      .list()
      .map(({ digest }) => digest)
      .sort();
  expect(digests(to)).toEqual(digests(from));
  expect(await save(to, "many:1")).toEqual(saved);
  await to.images.tag("many:1", "other:1");
  await to.images.remove("many:1", { force: false, prune: true });
  expect(architectures(to, "other:1")).toEqual([OWN, "riscv64"]);
  await to.images.remove("other:1", { force: false, prune: true });
  expect(digests(to)).toEqual([]);
});

rootTest("load --platform takes those that it is told", async () => {
  await using fixture = await openFixture();
  const { archive } = manyPlatforms();
  await loadWith(fixture, archive, ["linux/riscv64"]);
  expect(architectures(fixture, "many:1")).toEqual(["riscv64"]);
  await loadWith(fixture, archive, ["linux/riscv64", `linux/${OWN}`]);
  expect(architectures(fixture, "many:1")).toEqual([OWN, "riscv64"]);
  expect(await failure(loadWith(fixture, archive, ["linux/s390x"]))).toBe(
    "image archive: no image for platform linux/s390x",
  );
});

rootTest("save --platform: one is saved as an image, several with their index, a missing one is refused", async () => {
  await using fixture = await openFixture();
  await using other = await openFixture();
  const { archive, index } = manyPlatforms();
  await load(fixture.images, archive);
  await load(other.images, await save(fixture, "many:1", ["linux/riscv64"]));
  expect(architectures(other, "many:1")).toEqual(["riscv64"]);
  expect(other.images.library.indexOf("many:1")).toBeUndefined();
  await load(other.images, await save(fixture, "many:1", ["linux/riscv64", `linux/${OWN}`]));
  expect(other.images.library.indexOf("many:1") as string).toBe(index);
  expect(await failure(save(fixture, "many:1", ["linux/s390x"]))).toBe(
    "image with reference many:1 was found but does not provide the specified platform (linux/s390x)",
  );
});

rootTest("several images of one archive, with and without an index, each with its names", async () => {
  await using from = await openFixture();
  await using to = await openFixture();
  await load(from.images, manyPlatforms().archive);
  const single = new Layout();
  const image = single.image({ os: "linux", architecture: OWN });
  single.files["index.json"] = JSON.stringify({
    schemaVersion: 2,
    manifests: ["docker.io/library/single:1", "docker.io/library/single:2"].map((name) => ({
      ...image,
      annotations: { "io.containerd.image.name": name },
    })),
  });
  await load(from.images, archiveOf(single.files));
  const saved = await collect(await from.images.save(["many:1", "single"], { signal }));
  expect(await collect(await from.images.save(["many:1", "single"], { signal }))).toEqual(saved);
  const messages = (await load(to.images, saved)).map(({ stream }) => stream);
  expect(messages).toEqual(["Loaded image: many:1\n", "Loaded image: single:1\n", "Loaded image: single:2\n"]);
  expect(to.images.library.indexOf("single:1")).toBeUndefined();
});

rootTest("a broken platform leaves nothing of the others", async () => {
  await using fixture = await openFixture();
  const layout = new Layout();
  const good = layout.image({ os: "linux", architecture: "riscv64" });
  const bad = layout.image({ os: "linux", architecture: OWN });
  const name = `blobs/sha256/${digestOf(layer(OWN)).slice("sha256:".length)}`;
  layout.files[name] = layer("something else");
  const { archive } = layout.archive("docker.io/library/many:1", [good, bad]);
  expect(await failure(load(fixture.images, archive))).toBeString();
  expect(await fixture.images.list({ all: true, filters: {} })).toEqual([]);
  expect(fixture.content.list()).toEqual([]);
});

rootTest("an index that names one index a thousand times is looked at once", async () => {
  await using fixture = await openFixture();
  const layout = new Layout();
  let below: object = layout.image({ os: "linux", architecture: OWN });
  for (let depth = 0; depth < 3; depth++) {
    const manifests = Array.from({ length: 999 }, () => below);
    below = layout.put(TYPES.index, JSON.stringify({ schemaVersion: 2, mediaType: TYPES.index, manifests }));
  }
  const startedAt = performance.now();
  await load(fixture.images, layout.archive("docker.io/library/deep:1", [below]).archive);
  expect(performance.now() - startedAt).toBeLessThan(3000);
  expect(architectures(fixture, "deep:1")).toEqual([OWN]);
});

test.skipIf(!isRoot || !skopeo)("skopeo reads an archive of several platforms", async () => {
  await using fixture = await openFixture();
  await load(fixture.images, manyPlatforms().archive);
  writeFileSync(join(fixture.root, "many.tar"), await save(fixture, "many:1"));
  for (const source of ["docker-archive:many.tar:docker.io/library/many:1", "oci-archive:many.tar"]) {
    const text = await run(["skopeo", "--insecure-policy", "inspect", "--config", source], fixture.root);
    expect(JSON.parse(text.toString())).toMatchObject({ architecture: OWN });
  }
});
