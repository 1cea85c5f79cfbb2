import { expect, test } from "bun:test";
import { chainIds } from "./chain-id.ts";
import { parseImageConfig } from "./config.ts";
import { type Digest, digestOf, parseDigest } from "./digest.ts";
import { parseDocument } from "./json.ts";
import { parseManifestDocument } from "./manifest.ts";
import { parsePlatformSpecifier, platformMatches } from "./platform.ts";

const digest = `sha256:${"a".repeat(64)}`;
const bytes = (value: unknown) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
const config = { mediaType: "application/vnd.oci.image.config.v1+json", digest, size: 2 };
const manifest = { schemaVersion: 2, config, layers: [] };

test.each<[string, unknown, string]>([
  ["both kinds", { ...manifest, manifests: [] }, "either an image manifest or an index"],
  ["neither kind", { schemaVersion: 2 }, "either an image manifest or an index"],
  ["schema 1", { ...manifest, schemaVersion: 1 }, "unsupported schemaVersion 1"],
  [
    "an index's media type",
    { ...manifest, mediaType: "application/vnd.oci.image.index.v1+json" },
    "unexpected media type",
  ],
  ["negative size", { ...manifest, config: { ...config, size: -1 } }, "invalid size"],
  ["fractional size", { ...manifest, layers: [{ ...config, size: 1.5 }] }, "invalid size"],
  [
    "a digest that is a path",
    { ...manifest, config: { ...config, digest: "sha256:../../etc/passwd" } },
    "invalid checksum digest",
  ],
  ["10,000 entries", { schemaVersion: 2, manifests: Array(10_000).fill(config) }, "more than 1000"],
  ["600 layers", { ...manifest, layers: Array(600).fill(config) }, "more than 500"],
  ["duplicate keys", '{"schemaVersion":2,"layers":[],"config":{},"layers":[]}', 'duplicate key "layers"'],
  ["escaped duplicate keys", '{"a":1,"\\u0061":2}', 'duplicate key "a"'],
  ["a list", [], "not a JSON object"],
  ["nonsense", "{", "invalid JSON"],
])("a manifest with %s is refused", (_name, document, message) => {
  expect(() => parseManifestDocument(bytes(document))).toThrow(message);
});

test("documents over the limit, too deep, or not UTF-8 are refused", () => {
  expect(() => parseDocument(Buffer.alloc(11), 10, "x")).toThrow("exceed the limit");
  expect(() => parseDocument(bytes(`{"a":${"[".repeat(100)}${"]".repeat(100)}}`), 1000, "x")).toThrow(
    "nested too deeply",
  );
  expect(() => parseDocument(Buffer.from([0x7b, 0xff, 0x7d]), 1000, "x")).toThrow("not UTF-8");
});

test("keys such as __proto__ are data", () => {
  const { config: parsed } = parseImageConfig(
    bytes('{"config":{"Labels":{"__proto__":"x"}},"rootfs":{"type":"layers","diff_ids":[]}}'),
  );
  expect(Object.keys(parsed.labels)).toEqual(["__proto__"]);
});

test("a config's history must not name more layers than there are", () => {
  const document = { rootfs: { type: "layers", diff_ids: [] }, history: [{ created_by: "x" }] };
  expect(() => parseImageConfig(bytes(document))).toThrow("history names 1 layers");
});

test("chain IDs follow the specification", () => {
  const [first, second] = [digestOf("a"), digestOf("b")];
  expect(chainIds([first, second])).toEqual([first, digestOf(`${first} ${second}`)]);
  expect(chainIds([])).toEqual([]);
});

test.each([
  ["sha256:abc", "invalid checksum digest length"],
  ["md5:abc", "unsupported digest algorithm"],
  ["abc", "invalid checksum digest format"],
  [`sha256:${"A".repeat(64)}`, "invalid checksum digest format"],
])("digest %s: %s", (text, message) => {
  expect(() => parseDigest(text)).toThrow(message);
});

test.each([
  ["linux/amd64", "linux/amd64", true],
  ["linux/arm64", "linux/arm64/v8", true],
  ["linux/x86_64", "linux/amd64", true],
  ["linux/arm", "linux/arm/v7", true],
  ["linux/arm/v6", "linux/arm/v7", false],
  ["linux/amd64", "windows/amd64", false],
])("a request for %s and an image for %s: %p", (wanted, candidate, expected) => {
  expect(platformMatches(parsePlatformSpecifier(wanted), parsePlatformSpecifier(candidate))).toBe(expected);
});

test("parseDigest brands what it accepts", () => {
  const parsed: Digest = parseDigest(digest);
  expect(parsed as string).toBe(digest);
});
