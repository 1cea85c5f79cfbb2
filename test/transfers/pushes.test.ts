import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { digestOf } from "../../src/formats/oci/digest.ts";
import { type FakeRegistry, refuse, startFakeRegistry } from "../harness/fake-registry.ts";
import { answer } from "../harness/raw-http.ts";
import { requireToken, startTokenServer } from "../harness/token-server.ts";
import { until } from "../harness/until.ts";
import { dockerArchive, isRoot, load } from "../images/fixture.ts";
import { layer, openPuller, type Puller } from "./puller.ts";

/** What a push says, sends and leaves. */
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

const name = (repository = "a/b") => `${registry.host}/${repository}:1`;
const short = (bytes: Uint8Array) => digestOf(bytes).slice(7, 19);

/** An image as an archive brings it, its layers uncompressed, under a name of the registry. */
async function loadImage(layers: Buffer[], tag = name()): Promise<string> {
  await load(puller.images, dockerArchive(layers, [tag]));
  return puller.images.library.find(tag).row.id;
}

const kinds = () =>
  registry.seen.map(({ method, target }) => `${method} ${/manifests|uploads|blobs/.exec(target)?.[0] ?? target}`);

describe.skipIf(!isRoot)("a push", () => {
  test("speaks Docker's words in Docker's order, blobs first, the manifest last", async () => {
    const layers = [layer("one"), layer("two")];
    const id = await loadImage(layers);
    const { lines, failure, messages } = await puller.push(name());
    expect(failure).toBeUndefined();
    const manifest = registry.manifests.get("a/b:1")?.bytes as Buffer;
    expect(lines[0]).toBe(`The push refers to repository [${registry.host}/a/b]`);
    expect(lines.slice(1, 3)).toEqual(layers.map((one) => `${short(one)}: Preparing`));
    expect(lines.slice(3, 5).toSorted()).toEqual(layers.map((one) => `${short(one)}: Pushed`).toSorted());
    expect(lines.slice(5)).toEqual([`1: digest: ${digestOf(manifest)} size: ${manifest.length}`]);
    expect(messages.at(-1)?.aux).toEqual({ Tag: "1", Digest: digestOf(manifest), Size: manifest.length });
    expect(kinds().at(-1)).toBe("PUT manifests");
    expect(kinds().filter((kind) => kind === "PUT manifests")).toHaveLength(1);
    expect(puller.images.library.find(id).view.repoDigests).toEqual([`${registry.host}/a/b@${digestOf(manifest)}`]);
    expect(puller.published).toEqual([`push ${name()} {"name":"${registry.host}/a/b"}`]);
    expect(await puller.leftovers()).toEqual([]);
  });

  test("sends what the registry does not have, and the same bytes again", async () => {
    await loadImage([layer("one"), layer("two")]);
    await puller.push(name());
    const first = registry.manifests.get("a/b:1")?.bytes;
    registry.seen.splice(0);
    const { lines } = await puller.push(name());
    expect(lines.filter((line) => line.endsWith(": Layer already exists"))).toHaveLength(2);
    expect(registry.requests(/uploads/)).toEqual([]);
    expect(registry.manifests.get("a/b:1")?.bytes).toEqual(first as Buffer);
  });

  test("of what came from the same registry mounts its layers, or uploads them where that is refused", async () => {
    const image = registry.putImage("from/here", "1", [layer("one")]);
    await puller.pull(name("from/here"));
    await using tokens = await startTokenServer();
    requireToken(registry, tokens);
    registry.on(/^HEAD .*blobs/, (request) => (answer(request, { status: 404 }), true));
    const tag = (repository: string) => puller.images.tag(image.configDigest, name(repository));
    await tag("to/there");
    const mounted = await puller.push(name("to/there"));
    expect(mounted.lines.filter((line) => line.includes("Mounted"))).toEqual([
      `${short(layer("one"))}: Mounted from from/here`,
    ]);
    expect(tokens.requests.at(-1)?.query.getAll("scope")).toContain("repository:from/here:pull");
    // The config is never mounted: it is small, and of this image alone.
    expect(registry.requests(/^PUT .*uploads/)).toHaveLength(1);

    registry.on(/^POST .*mount=/, (request) => (refuse(request, 403, "DENIED"), true));
    await tag("to/elsewhere");
    const sent = await puller.push(name("to/elsewhere"));
    expect(sent.failure).toBeUndefined();
    expect(sent.lines.at(-1)).toBe(`1: digest: ${image.digest} size: ${image.manifest.length}`);
    expect(registry.requests(/^PUT .*to\/elsewhere.*uploads/)).toHaveLength(2);
  });

  test("whose connection breaks goes on from where the registry is", async () => {
    await loadImage([layer("large", 3_000_000)]);
    let isBroken = false;
    registry.on(/^PUT .*uploads/, async (request) => {
      if (isBroken || Number(request.headers["content-length"]) < 1_000_000) return false;
      isBroken = true;
      const kept = Buffer.from(await request.body(1_000_000));
      registry.uploads.set(request.path.split("/").at(-1) ?? "", kept);
      request.socket.destroy();
      return true;
    });
    expect((await puller.push(name())).failure).toBeUndefined();
    const patches = registry.seen.filter(({ method }) => method === "PATCH");
    expect(patches.map(({ headers }) => headers["content-range"])).toEqual([expect.stringMatching(/^1000000-\d+$/)]);
  });

  test("that is cancelled stops, and changes nothing here", async () => {
    const id = await loadImage([layer("large", 3_000_000)]);
    registry.on(/^PUT .*uploads/, () => true);
    const stop = new AbortController();
    const pending = puller.push(name(), stop.signal);
    await until("the upload is under way", () => registry.requests(/^PUT/).length > 0);
    stop.abort(new Error("enough"));
    expect((await pending).failure).toBe("bug: enough");
    expect(puller.images.library.find(id).view.repoDigests).toEqual([]);
    expect(registry.manifests.size).toBe(0);
  });

  test.each<[string, RegExp, number, string, RegExp]>([
    ["a repository is not his", /^POST .*uploads/, 403, "DENIED", /^forbidden: denied: denied$/],
    ["he has no account", /^HEAD/, 401, "UNAUTHORIZED", /^forbidden: /],
    [
      "the manifest is not wanted",
      /^PUT .*manifests/,
      400,
      "MANIFEST_INVALID",
      /^invalid-argument: manifest invalid: manifest invalid$/,
    ],
    [
      "the registry is read-only",
      /^POST .*uploads/,
      405,
      "UNSUPPORTED",
      /^invalid-argument: unsupported: unsupported$/,
    ],
  ])("tells a user that %s", async (_what, pattern, status, code, words) => {
    await loadImage([layer("one")]);
    registry.on(pattern, (request) => (refuse(request, status, code), true));
    expect((await puller.push(name())).failure).toMatch(words);
    expect(registry.manifests.size).toBe(0);
  });

  test("of what is not here says so, without asking the registry", async () => {
    await loadImage([layer("one")]);
    expect((await puller.push(name("c"))).failure).toBe(
      `not-found: An image does not exist locally with the tag: ${registry.host}/c`,
    );
    expect((await puller.push(`${registry.host}/a/b:2`)).failure).toBe(
      `not-found: tag does not exist: ${registry.host}/a/b:2`,
    );
    expect((await puller.push(`${registry.host}/a/b@${digestOf("x")}`)).failure).toBe(
      "invalid-argument: cannot push a digest reference",
    );
    expect(registry.seen).toEqual([]);
  });

  test("without a tag sends all tags; a layer that an image has twice goes once", async () => {
    const id = await loadImage([layer("one"), layer("one")]);
    await puller.images.tag(id, `${registry.host}/a/b:2`);
    expect((await puller.push(`${registry.host}/a/b`)).failure).toBeUndefined();
    expect(registry.requests(/^PUT .*manifests/)).toHaveLength(2);
    // One layer and the config.
    expect(registry.requests(/^PUT .*uploads/)).toHaveLength(2);
  });
});
