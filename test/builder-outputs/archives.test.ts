import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Output } from "../../src/builder/builder.ts";
import { startDockerd, whyNoDockerd } from "../harness/dockerd.ts";
import { failure, load, openFixture } from "../images/fixture.ts";
import { run, skopeo } from "../images/tools.ts";
import { openClient, openWorkshop, SCRATCH, solvedOf, targetOf, type Workshop } from "./workshop.ts";

const AMD64 = { os: "linux", architecture: "amd64" };
const ARM64 = { os: "linux", architecture: "arm64" };

async function twoLayers(shop: Workshop, text = "one") {
  return shop.layer(await shop.layer(SCRATCH, { "etc/base": "base" }), { "app/file": text });
}

function archive(type: "oci" | "docker", names: string[], attributes: Record<string, string> = {}): Output {
  return { type, id: "0", names, attributes };
}

/** A directory that goes away. */
function temporary(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), "gantry-outputs-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

for (const type of ["oci", "docker"] as const) {
  test(`an archive of type ${type} is loaded with its names, and leaves nothing here`, async () => {
    await using shop = await openWorkshop();
    const client = openClient();
    const output = archive(type, ["app:1", "reg.test/app:2"]);
    const { imageId } = await shop.export(solvedOf(targetOf(await twoLayers(shop))), [output], client);
    await using other = await openFixture();
    await load(other.images, client.archives["0"] as Buffer);
    const image = await other.images.get("app:1");
    expect(image.id).toBe(imageId as string);
    expect(image.repoTags).toEqual(["app:1", "reg.test/app:2"]);
    await shop.finish();
    expect(shop.content.list()).toEqual([]);
    expect(shop.snapshots.listLayers()).toEqual([]);
  });
}

test("the same image gives the same archive", async () => {
  await using shop = await openWorkshop();
  const [first, second] = [openClient(), openClient()];
  const solved = solvedOf(targetOf(await twoLayers(shop)));
  await shop.export(solved, [archive("oci", ["app"])], first);
  await shop.export(solved, [archive("oci", ["app"])], second);
  expect(first.archives["0"]?.equals(second.archives["0"] as Buffer)).toBe(true);
});

test.skipIf(!skopeo)("skopeo reads both kinds, and copies every platform of one", async () => {
  await using shop = await openWorkshop();
  using directory = temporary();
  const client = openClient();
  const solved = solvedOf(targetOf(await twoLayers(shop), AMD64), targetOf(await twoLayers(shop, "arm"), ARM64));
  await shop.export(solved, [archive("oci", ["app:1"])], {
    ...client,
    request: { attestations: { provenance: "max", sbom: true } },
  });
  writeFileSync(join(directory.path, "app.tar"), client.archives["0"] as Buffer);
  await run(["skopeo", "copy", "--all", "oci-archive:app.tar", "dir:app"], directory.path);
  const raw = await run(["skopeo", "inspect", "--raw", "oci-archive:app.tar"], directory.path);
  expect(JSON.parse(raw.toString()).manifests).toHaveLength(4);
  await shop.export(solvedOf(targetOf(await twoLayers(shop))), [archive("docker", ["app:1"])], client);
  writeFileSync(join(directory.path, "docker.tar"), client.archives["0"] as Buffer);
  const inspected = await run(["skopeo", "inspect", "docker-archive:docker.tar"], directory.path);
  expect(JSON.parse(inspected.toString()).Labels).toEqual({ role: "built" });
});

test("with tar=false the client gets a directory", async () => {
  await using shop = await openWorkshop();
  using directory = temporary();
  const client = openClient();
  const output = archive("oci", ["app:1"], { tar: "false", compression: "gzip" });
  const { response } = await shop.export(solvedOf(targetOf(await twoLayers(shop))), [output], client);
  const { entries, contents } = client.directories["0"]!;
  expect(entries.slice(0, 2).map(({ path }) => path)).toEqual(["blobs", "blobs/sha256"]);
  expect(entries.slice(-2).map(({ path }) => path)).toEqual(["index.json", "oci-layout"]);
  const index = JSON.parse(contents["index.json"] ?? "");
  expect(index.manifests[0].digest).toBe(response["containerimage.digest"]);
  expect(index.manifests[0].annotations["org.opencontainers.image.ref.name"]).toBe("1");
  for (const [path, text] of Object.entries(contents)) {
    mkdirSync(dirname(join(directory.path, path)), { recursive: true });
    // Only documents are compared: blobs are bytes, and these were read as text.
    if (!path.startsWith("blobs/")) writeFileSync(join(directory.path, path), text);
  }
});

test.skipIf(whyNoDockerd() !== undefined)(
  `Docker 20.10 loads an archive of type docker, gzip or not ${whyNoDockerd() ?? ""}`,
  async () => {
    await using shop = await openWorkshop();
    await using peer = await startDockerd({ name: "outputs" });
    const client = openClient();
    for (const compression of ["uncompressed", "gzip"]) {
      const tree = await twoLayers(shop, compression);
      const output = archive("docker", [`app:${compression}`, "again:1"], { compression });
      const { imageId } = await shop.export(solvedOf(targetOf(tree)), [output], client);
      writeFileSync(join(peer.directory, "app.tar"), client.archives["0"] as Buffer);
      const loaded = await peer.docker(["load", "-i", join(peer.directory, "app.tar")]);
      expect(loaded.stdout).toContain(`Loaded image: app:${compression}`);
      const inspected = await peer.docker(["image", "inspect", "-f", "{{.Id}} {{.Config.Labels.role}}", "again:1"]);
      expect(inspected.stdout.trim()).toBe(`${imageId} built`);
    }
  },
);

test("a build without a client says that it has none", async () => {
  await using shop = await openWorkshop();
  expect(await failure(shop.export(solvedOf(targetOf(SCRATCH)), [archive("oci", [])]))).toBe(
    "output of type oci goes to the client, which this build cannot ask",
  );
});

test("a client that goes away ends it, and nothing of it stays", async () => {
  await using shop = await openWorkshop();
  const client = openClient();
  const session = {
    ...client.session,
    sendArchive: async (_: string, bytes: AsyncIterable<Uint8Array>) => {
      for await (const __ of bytes) throw new Error("the client has gone");
    },
  };
  const solved = solvedOf(targetOf(await twoLayers(shop)));
  expect(await failure(shop.export(solved, [archive("oci", ["app"])], { session }))).toBe("the client has gone");
  await shop.finish();
  expect(shop.content.list()).toEqual([]);
});
