import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { digestOf } from "../../src/formats/oci/digest.ts";
import { MEDIA_TYPES } from "../../src/formats/oci/media-types.ts";
import {
  ARCHITECTURE,
  type FakeImage,
  type FakeRegistry,
  refuse,
  startFakeRegistry,
} from "../harness/fake-registry.ts";
import { dockerArchive, isRoot, load } from "../images/fixture.ts";
import { layer, openPuller, type Puller } from "./puller.ts";

/** What a pull says, chooses and records. */
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

const name = (tag = "1") => `${registry.host}/a/b:${tag}`;
const short = ({ digest }: { digest: string }) => digest.slice(7, 19);
const views = () => puller.images.library.entries().map(({ view }) => view);

/** An index with an image for each platform, of one layer of the platform's name. */
function putIndex(platforms: string[], more: object[] = []): { digest: string; images: FakeImage[] } {
  const images = platforms.map((platform) => {
    const [, architecture = "", variant] = platform.split("/");
    return registry.putImage("a/b", platform.replaceAll("/", "-"), [layer(platform)], { architecture, variant });
  });
  const manifests = images.map(({ manifest }, at) => {
    const [os, architecture, variant] = platforms[at]?.split("/") ?? [];
    return {
      mediaType: MEDIA_TYPES.ociManifest,
      digest: digestOf(manifest),
      size: manifest.length,
      platform: { os, architecture, variant },
    };
  });
  const { digest } = registry.putManifest("a/b", "1", {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociIndex,
    manifests: [...more, ...manifests],
  });
  return { digest, images };
}

async function chosen(platform?: string): Promise<string> {
  const { failure } = await puller.pull(name(), platform === undefined ? {} : { platform });
  if (failure !== undefined) return failure.replaceAll(registry.host, "HOST");
  const entry = puller.images.library.find(name());
  const { os, architecture, variant } = entry.document.config;
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join("/");
}

describe.skipIf(!isRoot)("a pull", () => {
  test("speaks Docker's words in Docker's order", async () => {
    const { digest, layers } = registry.putImage("a/b", "1", [layer("one")]);
    const id = short(layers[0] as FakeImage["layers"][number]);
    const first = await puller.pull(name());
    expect(first.lines).toEqual([
      "1: Pulling from a/b",
      `${id}: Pulling fs layer`,
      `${id}: Verifying Checksum`,
      `${id}: Download complete`,
      `${id}: Pull complete`,
      `Digest: ${digest}`,
      `Status: Downloaded newer image for ${name()}`,
    ]);
    expect((await puller.pull(name())).lines).toEqual([
      "1: Pulling from a/b",
      `Digest: ${digest}`,
      `Status: Image is up to date for ${name()}`,
    ]);
    expect(puller.published).toEqual(Array(2).fill(`pull ${name()} {"name":"${registry.host}/a/b"}`));
    // What is here is not asked for again.
    expect(registry.requests(/blobs/)).toHaveLength(2);
    // Registries that count pulls count what is got, not what is looked at.
    expect(registry.requests(/^GET .*manifests/)).toHaveLength(1);
  });

  test("takes a tag that has moved from the registry again", async () => {
    registry.putImage("a/b", "1", [layer("old")]);
    await puller.pull(name());
    const moved = registry.putImage("a/b", "1", [layer("new")]);
    const { lines } = await puller.pull(name());
    expect(lines.slice(-2)).toEqual([`Digest: ${moved.digest}`, `Status: Downloaded newer image for ${name()}`]);
  });

  test("counts bytes while they come, and never back", async () => {
    registry.putImage("a/b", "1", [layer("big", 4_000_000)]);
    const { messages } = await puller.pull(name());
    const counts = messages.filter(({ status }) => status === "Downloading").map(({ current = 0 }) => current);
    expect(counts.length).toBeGreaterThan(0);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(new Set(messages.filter(({ current }) => current !== undefined).map(({ total }) => total)).size).toBe(1);
  });

  test("shares layers with what is here, from a registry or from an archive", async () => {
    const [base, top] = [layer("base"), layer("top")];
    registry.putImage("a/b", "1", [base]);
    const second = registry.putImage("a/b", "2", [base, top]);
    await puller.pull(name());
    const { lines } = await puller.pull(name("2"));
    expect(lines[1]).toBe(`${short(second.layers[0] as FakeImage["layers"][number])}: Already exists`);
    expect(puller.snapshots.listLayers()).toHaveLength(2);

    await using other = await openPuller();
    await load(other.images, dockerArchive([base, top], ["loaded:1"]));
    registry.seen.splice(0);
    expect((await other.pull(name("2"))).failure).toBeUndefined();
    // Unpacked they are here; the blobs that the manifest names are compressed, and so are fetched.
    expect(other.snapshots.listLayers()).toHaveLength(2);
    expect(second.layers.every(({ digest }) => other.content.has(digest))).toBe(true);
    expect(await other.leftovers()).toEqual([]);
  });

  test("by digest and by tag with digest is what the digest says; the name it has is its digest", async () => {
    const { digest, configDigest } = registry.putImage("a/b", "1", [layer("one")]);
    registry.putImage("a/b", "2", [layer("two")]);
    const pulled = await puller.pull(`${registry.host}/a/b:2@${digest}`);
    expect(pulled.failure).toBeUndefined();
    expect(pulled.lines[0]).toBe(`${digest}: Pulling from a/b`);
    expect(registry.requests(/manifests/)).toEqual([`GET /v2/a/b/manifests/${digest}`]);
    expect(views().map(({ id, repoTags, repoDigests }) => [id, repoTags, repoDigests])).toEqual([
      [configDigest, [], [`${registry.host}/a/b@${digest}`]],
    ]);
    await puller.pull(name());
    expect(views().map(({ repoTags, repoDigests }) => [repoTags, repoDigests])).toEqual([
      [[name()], [`${registry.host}/a/b@${digest}`]],
    ]);
  });

  test("of a tag that moved leaves the older image without its name", async () => {
    const old = registry.putImage("a/b", "1", [layer("one")]);
    await puller.pull(name());
    const now = registry.putImage("a/b", "1", [layer("two")]);
    expect((await puller.pull(name())).lines.at(-1)).toBe(`Status: Downloaded newer image for ${name()}`);
    expect(puller.images.library.find(name()).row.id).toBe(now.configDigest);
    expect(puller.images.library.find(old.configDigest).view.repoTags).toEqual([]);
  });

  test("of all tags brings each, and says of a repository without any that there is none", async () => {
    for (const tag of ["1", "2", "3"]) registry.putImage("a/b", tag, [layer(tag)]);
    const { lines, failure } = await puller.pull(`${registry.host}/a/b`, { allTags: true });
    expect(failure).toBeUndefined();
    expect(lines.filter((line) => line.includes("Pulling from"))).toEqual(
      ["1", "2", "3"].map((tag) => `${tag}: Pulling from a/b`),
    );
    expect(
      views()
        .flatMap(({ repoTags }) => repoTags)
        .toSorted(),
    ).toEqual(["1", "2", "3"].map(name));
    expect((await puller.pull(`${registry.host}/none`, { allTags: true })).failure).toMatch(
      /^not-found: repository .*\/none not found: name unknown/,
    );
    expect((await puller.pull(name(), { allTags: true })).failure).toBe(
      "invalid-argument: tag can't be used with --all-tags/-a",
    );
  });

  test.each<[string, string]>([
    ["MANIFEST_UNKNOWN", "not-found: manifest for HOST/a/b:1 not found: manifest unknown: manifest unknown"],
    ["NAME_UNKNOWN", "not-found: repository HOST/a/b:1 not found: name unknown: name unknown"],
    [
      "DENIED",
      "not-found: pull access denied for HOST/a/b, repository does not exist or may require 'docker login': denied: denied",
    ],
    ["UNAUTHORIZED", "forbidden: unauthorized: unauthorized"],
  ])("that a registry refuses with %s says so in Docker's words", async (code, words) => {
    registry.on(
      /manifests/,
      (request) => (refuse(request, code === "DENIED" ? 403 : code === "UNAUTHORIZED" ? 401 : 404, code), true),
    );
    const { failure } = await puller.pull(name());
    expect(failure?.replaceAll(registry.host, "HOST")).toBe(words);
  });
});

describe.skipIf(!isRoot)("platforms", () => {
  test("the host's own is taken unless another is asked for", async () => {
    putIndex(["linux/s390x", "linux/amd64", "linux/arm64/v8"]);
    expect(await chosen()).toStartWith(`linux/${ARCHITECTURE}`);
    expect(await chosen("linux/s390x")).toBe("linux/s390x");
    expect(await chosen("linux/mips")).toBe(
      "not-found: no matching manifest for linux/mips in the manifest list entries",
    );
  });

  test.each<[wanted: string, offered: string[], taken: string]>([
    ["linux/arm/v7", ["linux/arm/v5", "linux/arm/v6", "linux/arm/v7"], "linux/arm/v7"],
    ["linux/arm/v6", ["linux/arm/v5", "linux/arm/v6", "linux/arm/v7"], "linux/arm/v6"],
    ["linux/arm", ["linux/arm/v5", "linux/arm/v7", "linux/arm/v6"], "linux/arm/v7"],
    ["linux/arm/v6", ["linux/arm/v7"], "none"],
    ["linux/arm64", ["linux/arm/v7", "linux/arm64/v8"], "linux/arm64/v8"],
    ["linux/arm64", ["linux/arm/v7"], "linux/arm/v7"],
    ["linux/amd64", ["linux/amd64/v2", "linux/amd64"], "linux/amd64"],
    ["linux/amd64/v2", ["linux/amd64", "linux/amd64/v3", "linux/amd64/v2"], "linux/amd64/v2"],
    ["linux/amd64", ["windows/amd64"], "none"],
  ])("%s of %j is %s", async (wanted, offered, taken) => {
    putIndex(offered);
    expect(await chosen(wanted)).toBe(
      taken === "none" ? `not-found: no matching manifest for ${wanted} in the manifest list entries` : taken,
    );
  });

  test("attestations of an index are no images", async () => {
    const attestation = registry.putManifest("a/b", "att", {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config: { mediaType: MEDIA_TYPES.ociConfig, digest: registry.putBlob(Buffer.from("{}")), size: 2 },
      layers: [{ mediaType: "application/vnd.in-toto+json", digest: registry.putBlob(Buffer.from("[]")), size: 2 }],
    });
    const entry = {
      mediaType: MEDIA_TYPES.ociManifest,
      digest: attestation.digest,
      size: attestation.bytes.length,
      platform: { os: "unknown", architecture: "unknown" },
      annotations: { "vnd.docker.reference.type": "attestation-manifest" },
    };
    const { digest } = putIndex([`linux/${ARCHITECTURE}`], [entry]);
    expect(await chosen()).toBe(`linux/${ARCHITECTURE}`);
    expect(views().map(({ repoDigests }) => repoDigests)).toEqual([[`${registry.host}/a/b@${digest}`]]);
    const remote = await puller.distribution.inspect(name(), {
      insecure: false,
      signal: new AbortController().signal,
    });
    expect(remote.platforms).toEqual([{ os: "linux", architecture: ARCHITECTURE }]);
    registry.putManifest("a/b", "1", attestation.bytes, MEDIA_TYPES.ociManifest);
    expect((await puller.pull(name())).failure).toBe(
      'invalid-argument: Encountered remote "application/vnd.in-toto+json"(unknown) when fetching',
    );
  });

  test("an image for another platform than was asked for is not taken", async () => {
    registry.putImage("a/b", "1", [layer("x")], { architecture: "s390x" });
    expect(await chosen("linux/amd64")).toBe(
      "not-found: image with reference HOST/a/b:1 was found but its platform (linux/s390x) does not match the specified platform (linux/amd64)",
    );
    expect(await chosen()).toBe("linux/s390x");
  });
});
