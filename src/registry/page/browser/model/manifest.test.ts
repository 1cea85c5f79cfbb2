import { expect, test } from "bun:test";
import { parseImageConfig } from "./image-config.ts";
import { isReferrersTag, kindOf, referrerLabel } from "./kind.ts";
import { parseManifest, pullSize, splitIndex } from "./manifest.ts";

const IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json";

function kind(document: object): string {
  const { label, group } = kindOf(parseManifest(JSON.stringify(document), ""));
  return `${group}: ${label}`;
}

test.each([
  [{ manifests: [] }, "index: Multi-platform"],
  [{ config: { mediaType: IMAGE_CONFIG }, layers: [] }, "image: Image"],
  [{ config: { mediaType: "application/vnd.docker.container.image.v1+json" }, layers: [] }, "image: Image"],
  [{ config: { mediaType: "application/vnd.cncf.helm.config.v1+json" }, layers: [] }, "artifact: Helm chart"],
  [{ artifactType: "application/spdx+json", config: { mediaType: IMAGE_CONFIG }, layers: [] }, "artifact: SBOM"],
  [{ artifactType: "application/x.new", config: { mediaType: IMAGE_CONFIG }, layers: [] }, "artifact: Artifact"],
  [
    {
      config: { mediaType: IMAGE_CONFIG },
      layers: [{ mediaType: "application/vnd.dev.cosign.simplesigning.v1+json" }],
    },
    "artifact: Signature",
  ],
  [
    { config: { mediaType: IMAGE_CONFIG }, layers: [{ mediaType: "application/vnd.in-toto+json" }] },
    "artifact: Attestation",
  ],
  [{ schemaVersion: 1, fsLayers: [] }, "artifact: Other"],
])("%j is %s", (document, expected) => {
  expect(kind(document)).toBe(expected);
});

test("fields of a wrong type are as good as missing", () => {
  const bad = {
    mediaType: 7,
    annotations: { a: 1, b: "x" },
    config: "no",
    layers: [null, { size: -1 }, { size: "9" }, { size: 2 }],
  };
  const manifest = parseManifest(JSON.stringify(bad), "served/type");
  expect(manifest.mediaType).toBe("served/type");
  expect(manifest.annotations).toEqual([
    ["a", ""],
    ["b", "x"],
  ]);
  expect(manifest.form === "image" && manifest.layers.map(({ size }) => size)).toEqual([0, 0, 0, 2]);
  for (const body of ["null", "[]", '"text"', "3"]) expect(parseManifest(body, "t").form).toBe("other");
  expect(() => parseManifest("<html>", "t")).toThrow(SyntaxError);
});

test("a blob that an image names twice is pulled once", () => {
  const layer = { digest: "sha256:a", size: 10 };
  const document = { config: { digest: "sha256:c", size: 1 }, layers: [layer, layer, { digest: "sha256:b", size: 5 }] };
  expect(pullSize(parseManifest(JSON.stringify(document), ""))).toBe(16);
});

test("BuildKit's attestations are no platforms", () => {
  const manifests = [
    { digest: "a", platform: { os: "linux", architecture: "amd64" } },
    { digest: "b" },
    { digest: "c", platform: { os: "unknown", architecture: "unknown" } },
    {
      digest: "d",
      platform: { os: "linux", architecture: "amd64" },
      annotations: { "vnd.docker.reference.type": "attestation-manifest" },
    },
  ];
  const index = parseManifest(JSON.stringify({ manifests }), "");
  const { images, attestations } = splitIndex(index.form === "index" ? index.manifests : []);
  expect(images.map(({ digest }) => digest)).toEqual(["a", "b"]);
  expect(attestations.map(({ digest }) => digest)).toEqual(["c", "d"]);
  expect(attestations.map(referrerLabel)).toEqual(["Artifact", "Attestation"]);
});

test("tags that hold referrers are known by their form", () => {
  const hex = "a".repeat(64);
  const tags = [`sha256-${hex}`, `sha256-${hex}.sig`, `sha256-${hex.slice(1)}`, "sha256-1", "latest"];
  expect(tags.map(isReferrersTag)).toEqual([true, true, false, false, false]);
});

test("the config says what a container starts with, and only what is set", () => {
  const config = {
    Entrypoint: ["a b", 'c"d'],
    Cmd: null,
    User: "",
    ExposedPorts: { "9/udp": {}, "80/tcp": {} },
    Env: ["A=1", 5],
    Labels: { x: "<b>" },
    Healthcheck: { Test: ["CMD-SHELL", "true"] },
  };
  const { settings, created } = parseImageConfig(JSON.stringify({ config, created: "2026-01-01T00:00:00Z" }));
  expect(settings).toEqual([
    { name: "Entrypoint", values: ['["a b", "c\\"d"]'] },
    { name: "Ports", values: ["80/tcp", "9/udp"] },
    { name: "Environment", values: ["A=1"] },
    { name: "Labels", values: ["x=<b>"] },
    { name: "Health check", values: ["CMD-SHELL true"] },
  ]);
  expect(created).toEqual(new Date("2026-01-01T00:00:00Z"));
});
