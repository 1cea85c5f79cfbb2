import { expect, test } from "bun:test";
import type { ExportResult, SolveRequest } from "../../src/builder/builder.ts";
import type { BuildSource } from "../../src/builder/outputs/attestations/provenance.ts";
import { type Digest, digestOf } from "../../src/formats/oci/digest.ts";
import { MEDIA_TYPES } from "../../src/formats/oci/media-types.ts";
import { hostPlatform } from "../../src/formats/oci/platform.ts";
import { archiveOf, collect, configOf, load, openFixture } from "../images/fixture.ts";
import {
  imageOutput,
  never,
  openWorkshop,
  SCRATCH,
  solvedOf,
  targetOf,
  type Workshop,
  type Written,
  type WrittenStatement,
} from "./workshop.ts";

const STATUS = `Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc (2.36-9)
Version: 2.36-9+deb12u4
Maintainer: GNU Libc Maintainers <debian-glibc@lists.debian.org>
Description: GNU C Library
 more: text

Package: gone
Status: deinstall ok config-files
Version: 1
`;

/** What is said about the first image of an index. */
async function statements(shop: { content: Workshop["content"] }, digest: string): Promise<WrittenStatement[]> {
  const read = async (one: string) =>
    JSON.parse(Buffer.from(await shop.content.read(one as Digest, 64 << 20)).toString()) as unknown;
  const index = (await read(digest)) as Written;
  const attestation = index.manifests.find(({ platform }) => platform.os === "unknown");
  const { layers } = (await read(attestation?.digest ?? "")) as Written;
  return Promise.all(layers.map(async (layer) => (await read(layer.digest)) as WrittenStatement));
}

/** The only ones there are. */
async function onlyStatement(shop: Workshop, { response }: ExportResult): Promise<WrittenStatement> {
  const [statement, ...others] = await statements(shop, response["containerimage.digest"] as string);
  if (statement === undefined || others.length > 0) throw new Error(`${others.length + 1} statements`);
  return statement;
}

async function attested(shop: Workshop, request: Partial<SolveRequest>, source?: BuildSource) {
  const tree = await shop.layer(SCRATCH, {
    "var/lib/dpkg/status": STATUS,
    "etc/os-release": 'ID=debian\nVERSION_ID="12"\n',
  });
  const target = {
    ...targetOf(tree),
    materials: [
      { uri: "pkg:docker/debian@12?platform=linux%2Famd64", digest: `sha256:${"a".repeat(64)}` },
      { uri: "https://ann:secret@git.test/app.git#main", digest: "b".repeat(40) },
      { uri: "d".repeat(64), digest: `sha256:${"d".repeat(64)}` },
      { uri: "docker.io/library/alpine:3", digest: undefined },
    ],
  };
  return shop.export(solvedOf(target), [imageOutput(["app:1"])], { request, source });
}

test("a list of packages is what the package manager has noted", async () => {
  await using shop = await openWorkshop();
  const statement = await onlyStatement(
    shop,
    await attested(shop, { attestations: { provenance: undefined, sbom: true }, epochSeconds: 1_600_000_000 }),
  );
  expect(statement.predicateType).toBe("https://spdx.dev/Document");
  expect(statement.subject[0]?.name).toMatch(/^pkg:docker\/app@1\?platform=linux%2F/);
  const { packages, creationInfo } = statement.predicate;
  expect(creationInfo.created).toBe("2020-09-13T12:26:40Z");
  expect(packages.slice(1).map(({ name, versionInfo }) => [name, versionInfo])).toEqual([["libc6", "2.36-9+deb12u4"]]);
  expect(packages[1]?.externalRefs[0]?.referenceLocator).toBe(
    "pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&upstream=glibc&distro=debian-12",
  );
});

test("provenance says what went in, and no secret, no account and no credential of a URL", async () => {
  await using shop = await openWorkshop();
  const request: Partial<SolveRequest> = {
    context: { kind: "git", url: "https://ann:secret@git.test/app.git#main" },
    buildArgs: { VERSION: "1", HTTP_PROXY: "http://ann:secret@proxy.test:3128" },
    accounts: { "reg.test": { username: "ann", password: "secret", identityToken: "secret" } },
  };
  const source: BuildSource = {
    graph: {
      vertices: [
        {
          op: { kind: "scratch" },
          inputs: [],
          name: "[1/2] FROM scratch",
          stage: "",
          location: undefined,
          ignoreCache: false,
        },
        {
          op: {
            kind: "run",
            argv: ["/bin/sh", "-c", "curl https://ann:secret@site.test/x"],
            environment: ["PATH=/bin", "HTTP_PROXY=http://ann:secret@proxy.test:3128"],
            uncachedNames: ["HTTP_PROXY"],
            workingDirectory: "/",
            user: "",
            network: "default",
            security: "sandbox",
            devices: [],
            mounts: [
              {
                input: undefined,
                mount: {
                  type: "secret",
                  target: "",
                  source: "",
                  from: "",
                  readOnly: true,
                  id: "token",
                  sharing: "shared",
                  required: true,
                  env: undefined,
                  sizeBytes: undefined,
                  mode: undefined,
                  uid: undefined,
                  gid: undefined,
                },
              },
            ],
            hostname: "",
            extraHosts: [],
            shmSizeBytes: undefined,
            ulimits: [],
            cgroupParent: "",
            resources: {},
            epochSeconds: undefined,
            platform: { os: "linux", architecture: "amd64" },
          },
          inputs: [0],
          name: "[2/2] RUN curl https://ann:secret@site.test/x",
          stage: "",
          location: undefined,
          ignoreCache: false,
        },
      ],
    },
    dockerfile: { name: "Dockerfile", content: Buffer.from("FROM scratch\n") },
  };
  const min = await attested(shop, { ...request, attestations: { provenance: "min", sbom: false } }, source);
  const first = await onlyStatement(shop, min);
  expect(first.predicate.materials).toEqual([
    { uri: "pkg:docker/debian@12?platform=linux%2Famd64", digest: { sha256: "a".repeat(64) } },
    { uri: "https://git.test/app.git#main", digest: { sha1: "b".repeat(40) } },
    { uri: "d".repeat(64), digest: { sha256: "d".repeat(64) } },
    { uri: expect.stringMatching(/^pkg:docker\/alpine@3\?platform=linux%2F/) },
  ]);
  expect(first.predicate.invocation.configSource).toEqual({
    uri: "https://git.test/app.git#main",
    digest: { sha1: "b".repeat(40) },
    entryPoint: "Dockerfile",
  });
  expect(first.predicate.invocation.parameters).toEqual({ frontend: "dockerfile.v0", args: {} });
  expect(first.predicate.metadata.completeness).toEqual({ parameters: true, environment: true, materials: true });
  expect(first.predicate.buildConfig).toBeUndefined();
  const max = await attested(
    shop,
    {
      ...request,
      attestations: { provenance: "max", sbom: false, provenanceVersion: "v1", builderId: "https://ci.test" },
    },
    source,
  );
  const second = await onlyStatement(shop, max);
  expect(second.predicateType).toBe("https://slsa.dev/provenance/v1");
  const { externalParameters } = second.predicate.buildDefinition;
  expect(externalParameters.parameters.args).toEqual({
    "build-arg:VERSION": "1",
    "build-arg:HTTP_PROXY": "http://proxy.test:3128",
  });
  expect(externalParameters.parameters.secrets).toEqual([{ id: "token" }]);
  expect(externalParameters.buildConfig.llbDefinition[1]?.inputs).toEqual(["step0:0"]);
  expect(second.predicate.runDetails.builder.id).toBe("https://ci.test");
  for (const statement of [first, second]) expect(JSON.stringify(statement)).not.toContain("secret@");
  expect(JSON.stringify(second)).not.toContain("ann:");
  for (const blob of shop.content.list()) {
    const text = Buffer.from(await shop.content.read(blob.digest, 64 << 20)).toString("latin1");
    expect(text).not.toContain("ann:secret");
  }
});

test("attestations survive a restart and a collection, and go with the image through an archive", async () => {
  await using shop = await openWorkshop();
  const { response } = await attested(shop, { attestations: { provenance: "max", sbom: true } });
  await shop.finish();
  const digest = response["containerimage.digest"] as string;
  await using again = await openFixture(shop.root);
  expect(await statements(again, digest)).toHaveLength(2);
  const archive = await collect(await again.images.save(["app:1"], { signal: never }));
  await using other = await openFixture();
  await load(other.images, archive);
  await other.images.store.collect();
  expect(await statements(other, digest)).toHaveLength(2);
  await other.images.remove("app:1", { force: false, prune: true });
  expect(other.content.list()).toEqual([]);
});

test("an archive that names one attestation a thousand times has it once, and one without room for it is loaded without", async () => {
  /** An archive of an empty image, about which so many times the same is said. */
  const attest = (count: number, size: number, blobs: number) => {
    const statement = Buffer.alloc(size, " ");
    const config = Buffer.from("{}");
    const describe = (bytes: Uint8Array, mediaType: string) => ({
      mediaType,
      digest: digestOf(bytes),
      size: bytes.length,
    });
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        config: describe(config, MEDIA_TYPES.ociConfig),
        layers: Array(blobs).fill(describe(statement, "application/vnd.in-toto+json")),
      }),
    );
    const image = { config: configOf([]), manifest: Buffer.alloc(0) };
    image.manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        config: describe(Buffer.from(image.config), MEDIA_TYPES.ociConfig),
        layers: [],
      }),
    );
    const entry = {
      ...describe(manifest, MEDIA_TYPES.ociManifest),
      annotations: { "vnd.docker.reference.type": "attestation-manifest" },
      platform: { os: "unknown", architecture: "unknown" },
    };
    const own = { ...describe(image.manifest, MEDIA_TYPES.ociManifest), platform: hostPlatform() };
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [own, ...Array(count).fill(entry)] }));
    const named = { "io.containerd.image.name": "docker.io/library/app:1" };
    const top = { schemaVersion: 2, manifests: [{ ...describe(index, MEDIA_TYPES.ociIndex), annotations: named }] };
    const members = [statement, config, manifest, Buffer.from(image.config), image.manifest, index];
    const files = members.map((bytes) => [`blobs/${digestOf(bytes).replace(":", "/")}`, bytes] as const);
    return archiveOf({ ...Object.fromEntries(files), "index.json": JSON.stringify(top) });
  };
  await using many = await openFixture();
  await load(many.images, attest(900, 1000, 1));
  expect(new Set(many.images.library.targets()).size).toBe(4);
  await using large = await openFixture();
  await load(large.images, attest(1, 8 << 20, 20));
  expect(new Set(large.images.library.targets()).size).toBe(1);
  await large.images.store.collect();
  expect(large.content.list()).toHaveLength(3);
});

test("a plain build gets no attestation", async () => {
  await using shop = await openWorkshop();
  const { response } = await attested(shop, {});
  const bytes = await shop.content.read(response["containerimage.digest"] as Digest, 1 << 20);
  expect(JSON.parse(Buffer.from(bytes).toString()).mediaType).toBe("application/vnd.oci.image.manifest.v1+json");
  expect(shop.images.library.targets()).toEqual([]);
});
