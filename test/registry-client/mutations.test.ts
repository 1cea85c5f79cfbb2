import { describe, expect, test } from "bun:test";
import { EngineError } from "../../src/base/errors.ts";
import { parseImageConfig } from "../../src/formats/oci/config.ts";
import { digestOf } from "../../src/formats/oci/digest.ts";
import { parseManifestDocument } from "../../src/formats/oci/manifest.ts";
import { MEDIA_TYPES } from "../../src/formats/oci/media-types.ts";
import { resolveImage } from "../../src/images/pull/resolve-image.ts";
import { parseChallenges } from "../../src/registry/client/challenge.ts";
import { parseHostsToml } from "../../src/registry/client/hosts-toml.ts";
import { rateLimitWords } from "../../src/registry/client/rate-limit.ts";
import type { RemoteDocument } from "../../src/registry/client/registry-client.ts";
import { parseRegistryError } from "../../src/registry/client/registry-error.ts";
import { NEVER } from "./client.ts";

/**
 * Whatever a registry, a token server or a file says: it is understood or refused as an EngineError, and soon. `GANTRY_SEED` makes the
 * same mutations again, `GANTRY_MUTATIONS` more of them.
 */
const SEED = Number(process.env["GANTRY_SEED"] ?? 1);
const ROUNDS = Number(process.env["GANTRY_MUTATIONS"] ?? 3000);
/** For one call, on a busy machine. */
const LIMIT_MS = 500;

/** Numbers from 0 to 1. */
function generator(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

const VALUES: unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  "",
  "x".repeat(5000),
  "\u0000",
  "\ud800",
  [],
  {},
  [[]],
  { a: { b: [] } },
];
const PIECES = [
  '"',
  "\\",
  "{",
  "}",
  "[",
  "]",
  ",",
  "=",
  "\n",
  "\u0000",
  "ÿ",
  "sha256:",
  "[host]",
  '"""',
  "Bearer ",
  "null",
  "1e9999",
  "__proto__",
];

/** A part of the document becomes something else. */
function mutateValue(value: unknown, random: () => number): unknown {
  if (typeof value !== "object" || value === null || random() < 0.15)
    return VALUES[Math.floor(random() * VALUES.length)];
  const entries = Object.entries(value);
  const at = Math.floor(random() * entries.length);
  const changed = entries.flatMap(([key, one], index): [string, unknown][] => {
    if (index !== at) return [[key, one]];
    const roll = random();
    if (roll < 0.1) return [];
    return [[roll < 0.2 ? `${key}x` : key, mutateValue(one, random)]];
  });
  return Array.isArray(value) ? changed.map(([, one]) => one) : Object.fromEntries(changed);
}

/** Text with pieces cut out, doubled and put in. */
function mutateText(text: string, random: () => number): string {
  let result = text;
  for (let changes = 1 + Math.floor(random() * 4); changes > 0; changes--) {
    const at = Math.floor(random() * (result.length + 1));
    const end = at + Math.floor(random() * 12);
    const middle = [PIECES[Math.floor(random() * PIECES.length)], result.slice(at, end).repeat(2), ""][
      Math.floor(random() * 3)
    ];
    result = result.slice(0, at) + middle + result.slice(end);
  }
  return result;
}

const descriptor = (text: string, mediaType: string) => ({ mediaType, digest: digestOf(text), size: text.length });
const MANIFEST = {
  schemaVersion: 2,
  mediaType: MEDIA_TYPES.ociManifest,
  config: descriptor("config", MEDIA_TYPES.ociConfig),
  layers: [descriptor("one", MEDIA_TYPES.ociLayerGzip), descriptor("two", MEDIA_TYPES.ociLayerZstd)],
  annotations: { a: "b" },
};
const MANIFEST_TEXT = JSON.stringify(MANIFEST);
const INDEX = {
  schemaVersion: 2,
  mediaType: MEDIA_TYPES.ociIndex,
  manifests: ["amd64", "arm64"].map((architecture) => ({
    ...descriptor(MANIFEST_TEXT, MEDIA_TYPES.ociManifest),
    platform: { os: "linux", architecture },
  })),
};
const CONFIG = {
  architecture: "amd64",
  os: "linux",
  created: "2024-01-02T03:04:05Z",
  config: {
    User: "0",
    Env: ["A=b"],
    Cmd: ["sh"],
    ExposedPorts: { "80/tcp": {} },
    Volumes: { "/v": {} },
    Labels: { a: "b" },
    Healthcheck: { Test: ["CMD", "x"], Interval: 1 },
  },
  rootfs: { type: "layers", diff_ids: [digestOf("one"), digestOf("two")] },
  history: [{ created_by: "x" }, { empty_layer: true }],
};
const HOSTS = `server = "https://registry.test"
ca = ["a.crt"]
[host."https://mirror.test/v2"]
capabilities = ["pull", "resolve"]
client = [["c.cert", "c.key"]]
skip_verify = true
[host."https://mirror.test/v2".header]
x-a = ["b"]
`;
const CHALLENGE =
  'Bearer realm="https://auth.test/token",service="registry.test",scope="repository:a/b:pull", Basic realm="x"';
const ERROR = '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"Tag":"x"}}]}';

function resolve(bytes: Buffer, mediaType: string): Promise<unknown> {
  const top: RemoteDocument = { mediaType, digest: digestOf(bytes), bytes };
  const child: RemoteDocument = {
    mediaType: MEDIA_TYPES.ociManifest,
    digest: digestOf(MANIFEST_TEXT),
    bytes: Buffer.from(MANIFEST_TEXT),
  };
  const manifest = async (reference: string) => (reference === "top" ? top : child);
  return resolveImage({ manifest }, "top", { platform: { os: "linux", architecture: "amd64" }, signal: NEVER });
}

const headers = (text: string) => {
  const result = new Headers();
  const safe = text.replaceAll(/[^\x20-\x7e]/g, "");
  for (const name of ["retry-after", "x-ratelimit-reset", "ratelimit-limit"]) result.set(name, safe);
  return result;
};

const documents: [string, object, (bytes: Buffer) => unknown][] = [
  ["manifests", MANIFEST, (bytes) => parseManifestDocument(bytes)],
  ["indexes", INDEX, (bytes) => parseManifestDocument(bytes)],
  ["configs", CONFIG, (bytes) => parseImageConfig(bytes)],
  ["manifests that are pulled", MANIFEST, (bytes) => resolve(bytes, MEDIA_TYPES.ociManifest)],
  ["indexes that are pulled", INDEX, (bytes) => resolve(bytes, MEDIA_TYPES.ociIndex)],
  ["errors", JSON.parse(ERROR) as object, (bytes) => parseRegistryError(404, bytes.toString())],
];
const texts: [string, string, (text: string) => unknown][] = [
  ["WWW-Authenticate", CHALLENGE, (text) => parseChallenges(text)],
  ["hosts.toml", HOSTS, (text) => parseHostsToml(text, "hosts.toml")],
  ["the text of errors", ERROR, (text) => parseRegistryError(500, text)],
  ["the text of manifests", MANIFEST_TEXT, (text) => parseManifestDocument(Buffer.from(text))],
  ["headers of limits", "100;w=21600", (text) => rateLimitWords(headers(text), new Date(0))],
];

/** How many were understood and how many refused. */
async function tryAll(
  inputs: Iterable<string>,
  parse: (text: string) => unknown,
): Promise<{ good: number; refused: number }> {
  const counts = { good: 0, refused: 0 };
  for (const text of inputs) {
    const startedAt = performance.now();
    try {
      await parse(text);
      counts.good++;
    } catch (error) {
      if (!(error instanceof EngineError))
        throw new Error(`${JSON.stringify(text.slice(0, 2000))}: ${String(error)}`, { cause: error });
      counts.refused++;
    }
    const elapsedMs = performance.now() - startedAt;
    if (elapsedMs > LIMIT_MS) throw new Error(`${elapsedMs} ms for ${JSON.stringify(text.slice(0, 2000))}`);
  }
  return counts;
}

function* mutations<T>(original: T, mutate: (value: T, random: () => number) => string): Generator<string> {
  const random = generator(SEED);
  for (let round = 0; round < ROUNDS; round++) yield mutate(original, random);
}

describe("mutated input is understood or refused in words", () => {
  test.each(documents)("%s", async (what, original, parse) => {
    const inputs = mutations(original, (value, random) => JSON.stringify(mutateValue(value, random)) ?? "null");
    const { good, refused } = await tryAll(inputs, (text) => parse(Buffer.from(text)));
    // Mutations that all fail, or none, would try nothing.
    expect(good).toBeGreaterThan(ROUNDS / 100);
    if (what !== "errors") expect(refused).toBeGreaterThan(ROUNDS / 10);
  });

  test.each(texts)("%s", async (_what, original, parse) => {
    const { good } = await tryAll(mutations(original, mutateText), parse);
    expect(good).toBeGreaterThan(0);
  });
});

test("what is made to take long does not", async () => {
  const long = (piece: string) => piece.repeat(Math.ceil(200_000 / piece.length));
  const inputs = ["[", '{"a":', '"', "\\", "a=", 'a="\\', " ,", "= ", "{\n", "#", "[[host]]\n", '"""'].map(long);
  for (const [, , parse] of texts) await tryAll(inputs, parse);
  for (const [, , parse] of documents) await tryAll(inputs, (text) => parse(Buffer.from(text)));
});
