import { expect, test } from "bun:test";
import type { Output } from "../../src/builder/builder.ts";
import type { Digest } from "../../src/formats/oci/digest.ts";
import { startDockerRegistry, whyNoDockerRegistry } from "../harness/docker-registry.ts";
import { failure } from "../images/fixture.ts";
import { inProcess } from "../registry-server/in-process.ts";
import { openPuller } from "../transfers/puller.ts";
import {
  openWorkshop,
  REQUEST,
  SCRATCH,
  solvedOf,
  targetOf,
  type Workshop,
  type Written,
  type WrittenStatement,
} from "./workshop.ts";

const AMD64 = { os: "linux", architecture: "amd64" };
const ARM64 = { os: "linux", architecture: "arm64" };

async function twoLayers(shop: Workshop, text = "one") {
  return shop.layer(await shop.layer(SCRATCH, { "etc/base": "base" }), { "app/file": text });
}

function pushed(names: string[], attributes: Record<string, string> = {}): Output {
  return { type: "image", names, push: true, attributes };
}

test("a pushed image is at its registry what it is here, and is pulled from there", async () => {
  await using shop = await openWorkshop();
  await using registry = await inProcess();
  const name = `${new URL(registry.url).host}/team/app:1`;
  const { response, imageId, told } = await shop.export(solvedOf(targetOf(await twoLayers(shop))), [pushed([name])]);
  const digest = response["containerimage.digest"];
  const there = await registry.fetch("/v2/team/app/manifests/1");
  expect(there.headers.get("docker-content-digest")).toBe(digest as string);
  const image = await shop.images.get(name);
  expect(image.repoDigests).toEqual([`${name.replace(/:1$/, "")}@${digest}`]);
  await using other = await openPuller();
  expect((await other.pull(name)).failure).toBeUndefined();
  expect((await other.images.get(name)).id).toBe(imageId as string);
  const steps = told.flatMap((event) => (event.kind === "progress" ? [event.name] : []));
  expect(steps).toContain(`pushing manifest for ${name}@${digest}`);
  expect(shop.published.map((line) => line.split(" ")[0])).toEqual(["tag", "push"]);
});

test.skipIf(whyNoDockerRegistry() !== undefined)(
  `several platforms with attestations are pushed to Docker's registry as one index ${whyNoDockerRegistry() ?? ""}`,
  async () => {
    await using shop = await openWorkshop();
    await using registry = await startDockerRegistry();
    const name = `${registry.host}/app:1`;
    const targets = [targetOf(await twoLayers(shop), AMD64), targetOf(await twoLayers(shop, "arm"), ARM64)];
    const { response } = await shop.export(solvedOf(...targets), [pushed([name])], {
      request: { attestations: { provenance: "min", sbom: false } },
    });
    const get = async <T = Written>(digest: string, what = "manifests") =>
      (
        await fetch(`http://${registry.host}/v2/app/${what}/${digest}`, {
          headers: { Accept: "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json" },
        })
      ).json() as Promise<T>;
    const index = await get(response["containerimage.digest"] as string);
    expect(index.manifests.map((one) => one.platform.architecture)).toEqual(["amd64", "arm64", "unknown", "unknown"]);
    const [image, , attestation] = index.manifests as [Written, Written, Written];
    expect(attestation.annotations).toEqual({
      "vnd.docker.reference.digest": image.digest,
      "vnd.docker.reference.type": "attestation-manifest",
    });
    const { layers } = await get(attestation.digest);
    expect(layers.map((layer) => [layer.mediaType, layer.annotations["in-toto.io/predicate-type"]])).toEqual([
      ["application/vnd.in-toto+json", "https://slsa.dev/provenance/v0.2"],
    ]);
    const statement = await get<WrittenStatement>(layers[0]?.digest ?? "", "blobs");
    expect(statement.subject[0]?.digest).toEqual({ sha256: image.digest.slice("sha256:".length) });
    expect(statement.predicate.buildType).toBe("https://mobyproject.org/buildkit@v1");
    await using other = await openPuller();
    expect((await other.pull(name)).failure).toBeUndefined();
    expect((await other.images.get(name)).config.architecture).toBe(process.arch === "arm64" ? "arm64" : "amd64");
  },
);

test("an image with attestations that was built here is pushed later as it is", async () => {
  await using shop = await openWorkshop();
  await using registry = await inProcess();
  const name = `${new URL(registry.url).host}/team/app:1`;
  const { response } = await shop.export(
    solvedOf(targetOf(await twoLayers(shop))),
    [{ type: "image", names: [name], push: false, attributes: {} }],
    { request: { attestations: { provenance: "max", sbom: true } } },
  );
  await shop.finish();
  await shop.distribution.push(name.slice(0, -":1".length), {
    tag: "1",
    report: () => {},
    signal: new AbortController().signal,
  });
  const there = await registry.fetch("/v2/team/app/manifests/1");
  expect(there.headers.get("docker-content-digest")).toBe(response["containerimage.digest"] as string);
  expect(((await there.json()) as { manifests: unknown[] }).manifests).toHaveLength(2);
});

test("by digest there is no tag, neither here nor there", async () => {
  await using shop = await openWorkshop();
  await using registry = await inProcess();
  const repository = `${new URL(registry.url).host}/team/app`;
  const output = pushed([], { name: repository, "push-by-digest": "true" });
  const { response } = await shop.export(solvedOf(targetOf(await twoLayers(shop))), [output]);
  const digest = response["containerimage.digest"];
  expect((await registry.fetch(`/v2/team/app/manifests/${digest}`)).status).toBe(200);
  expect(await (await registry.fetch("/v2/team/app/tags/list")).json()).toMatchObject({ tags: [] });
  const image = await shop.images.get(`${repository}@${digest}`);
  expect(image.repoTags).toEqual([]);
});

test("with store=false nothing of it stays here", async () => {
  await using shop = await openWorkshop();
  await using registry = await inProcess();
  const output = pushed([`${new URL(registry.url).host}/team/app:1`], { store: "false" });
  await shop.export(solvedOf(targetOf(await twoLayers(shop))), [output]);
  await shop.finish();
  expect((await registry.fetch("/v2/team/app/manifests/1")).status).toBe(200);
  expect(await shop.images.list({ all: true, filters: {} })).toEqual([]);
  expect(shop.content.list()).toEqual([]);
});

test("compression is as asked, whatever the image had before", async () => {
  await using shop = await openWorkshop();
  await using registry = await inProcess();
  const host = new URL(registry.url).host;
  const solved = solvedOf(targetOf(await twoLayers(shop)));
  const types = async (tag: string) => {
    const manifest = (await (await registry.fetch(`/v2/app/manifests/${tag}`)).json()) as {
      layers: { mediaType: string }[];
    };
    return manifest.layers.map(({ mediaType }) => mediaType.split(".").at(-1));
  };
  await shop.export(solved, [pushed([`${host}/app:gzip`])]);
  expect(await types("gzip")).toEqual(["tar+gzip", "tar+gzip"]);
  await shop.export(solved, [pushed([`${host}/app:zstd`], { compression: "zstd", "compression-level": "9" })]);
  expect(await types("zstd")).toEqual(["tar+zstd", "tar+zstd"]);
  await shop.export(solved, [pushed([`${host}/app:plain`], { compression: "uncompressed" })]);
  expect(await types("plain")).toEqual(["tar", "tar"]);
  // A base that came compressed stays so, unless that is not wanted.
  const { row } = shop.images.library.find(`${host}/app:gzip`);
  const [base] = ((await (await registry.fetch("/v2/app/manifests/gzip")).json()) as Written).layers as [Written];
  const digest = base.digest as Digest;
  expect(row.layers.map((layer) => layer.diffId)).toEqual(solved.targets[0]!.result.layers.map(({ diffId }) => diffId));
  await shop.export(solved, [pushed([`${host}/app:gzip`])]);
  const layers = solved.targets[0]!.result.layers.map((layer, at) =>
    at === 0 ? { ...layer, digest, sizeBytes: base.size, mediaType: base.mediaType } : layer,
  );
  const mixed = solvedOf({ ...solved.targets[0]!, result: { ...solved.targets[0]!.result, layers } });
  await shop.export(mixed, [pushed([`${host}/app:mixed`], { compression: "zstd" })]);
  expect(await types("mixed")).toEqual(["tar+gzip", "tar+zstd"]);
  await shop.export(mixed, [pushed([`${host}/app:forced`], { compression: "zstd", "force-compression": "true" })]);
  expect(await types("forced")).toEqual(["tar+zstd", "tar+zstd"]);
  await using other = await openPuller();
  for (const tag of ["zstd", "plain", "mixed", "forced"])
    expect((await other.pull(`${host}/app:${tag}`)).failure).toBeUndefined();
});

test("the account comes from the client, or else from the request; without one it is refused and the image stays", async () => {
  await using shop = await openWorkshop();
  const account = { username: "ann", password: "secret" };
  await using registry = await startDockerRegistry({ account });
  const name = `${registry.host}/app:1`;
  const solved = solvedOf(targetOf(await twoLayers(shop)));
  expect(await failure(shop.export(solved, [pushed([name])]))).toContain("no basic auth credentials");
  expect((await shop.images.get(name)).repoDigests).toEqual([]);
  const accounts = { [registry.host]: { ...account, identityToken: "" } };
  await shop.export(solved, [pushed([name])], { request: { ...REQUEST, accounts } });
  expect((await shop.images.get(name)).repoDigests).toHaveLength(1);
});
