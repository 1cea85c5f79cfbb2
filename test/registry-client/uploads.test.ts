import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { digestOf } from "../../src/formats/oci/digest.ts";
import type { UploadSource } from "../../src/registry/client/registry-client.ts";
import { type FakeRegistry, refuse, startFakeRegistry } from "../harness/fake-registry.ts";
import { answer } from "../harness/raw-http.ts";
import { requireToken, startTokenServer } from "../harness/token-server.ts";
import { clientOf, type FakeClock, failureOf, fakeClock, NEVER } from "./client.ts";

const BLOB = randomBytes(3_000_000);
const DIGEST = digestOf(BLOB);

function source(bytes: Buffer = BLOB): UploadSource & { read: number } {
  return {
    sizeBytes: bytes.length,
    read: 0,
    async *from(offset) {
      for (let at = offset; at < bytes.length; at += 65_536) {
        const piece = bytes.subarray(at, at + 65_536);
        this.read += piece.length;
        yield piece;
      }
    },
  };
}

const open = (registry: FakeRegistry, options: { clock?: FakeClock; timeouts?: { uploadStallMs: number } } = {}) =>
  clientOf(options).repository(
    { domain: registry.host, path: "a/b" },
    { credentials: undefined, actions: "pull,push" },
  );

const methods = (registry: FakeRegistry) => registry.seen.map(({ method }) => method).join(" ");

test("a blob goes whole in one request of known length, an empty one too", async () => {
  await using registry = await startFakeRegistry();
  const repository = open(registry);
  await repository.upload(DIGEST, source(), NEVER);
  expect(registry.blobs.get(DIGEST)).toEqual(BLOB);
  expect(methods(registry)).toBe("POST PUT");
  const { headers } = registry.seen.at(-1) ?? {};
  expect([headers?.["content-length"], headers?.["transfer-encoding"]]).toEqual([String(BLOB.length), undefined]);
  const empty = Buffer.alloc(0);
  await repository.upload(digestOf(empty), source(empty), NEVER);
  expect(registry.blobs.get(digestOf(empty))).toEqual(empty);
});

/** The first PUT is cut after about a million bytes, which the registry keeps. */
function breakFirstPut(registry: FakeRegistry, keep: (bytes: Buffer, id: string) => void): void {
  registry.on(/^PUT .*uploads/, async (request, nth) => {
    if (nth > 0) return false;
    keep(await request.body(1_000_000), request.path.split("/").at(-1) ?? "");
    request.socket.destroy();
    return true;
  });
}

test("after a broken connection an upload goes on from where the registry is", async () => {
  await using registry = await startFakeRegistry();
  let kept = Buffer.alloc(0);
  breakFirstPut(registry, (bytes) => (kept = Buffer.from(bytes)));
  registry.on(/^GET .*uploads/, (request) => {
    answer(request, { status: 204, headers: { Location: "here?state=2", Range: `0-${kept.length - 1}` } });
    return true;
  });
  registry.on(/^(PATCH|PUT) .*here/, async (request) => {
    kept = Buffer.concat([kept, await request.body()]);
    if (request.method === "PATCH") answer(request, { status: 202, headers: { Location: "here?state=3" } });
    else answer(request, { status: digestOf(kept) === request.query.get("digest") ? 201 : 400 });
    return true;
  });
  const clock = fakeClock();
  await open(registry, { clock }).upload(DIGEST, source(), NEVER);
  expect(kept).toEqual(BLOB);
  expect(methods(registry)).toBe("POST PUT GET PATCH PUT");
  const [patch, put] = registry.seen.slice(-2);
  expect(patch?.headers["content-range"]).toBe(`1000000-${BLOB.length - 1}`);
  // Relative to the API's root, with the server's own state kept.
  expect([patch?.target, put?.target]).toEqual([
    "/v2/here?state=2",
    `/v2/here?state=3&digest=${encodeURIComponent(DIGEST)}`,
  ]);
  expect(clock.slept).toEqual([500]);
});

test.each([404, 416])("an upload that the registry has forgotten (%p) begins anew", async (status) => {
  await using registry = await startFakeRegistry();
  breakFirstPut(registry, () => undefined);
  registry.on(/^GET .*uploads/, (request, nth) => (nth === 0 ? (answer(request, { status }), true) : false));
  await open(registry).upload(DIGEST, source(), NEVER);
  expect(registry.blobs.get(DIGEST)).toEqual(BLOB);
  expect(methods(registry)).toBe("POST PUT GET POST PUT");
});

test("a registry that stumbles is asked again; one that refuses is not", async () => {
  await using registry = await startFakeRegistry();
  registry.on(/^PUT .*uploads/, async (request, nth) => {
    if (nth > 0) return false;
    await request.body();
    answer(request, { status: 500 });
    return true;
  });
  await open(registry).upload(DIGEST, source(), NEVER);
  expect(registry.blobs.get(DIGEST)).toEqual(BLOB);
  await using full = await startFakeRegistry();
  full.on(/^PUT .*uploads/, (request) => (refuse(request, 413, "SIZE_INVALID"), true));
  expect(await failureOf(open(full).upload(DIGEST, source(), NEVER))).toMatch(/size invalid|reset|broken pipe/);
  await using denying = await startFakeRegistry();
  denying.on(/^POST .*uploads/, (request) => (refuse(request, 403, "DENIED"), true));
  expect(await failureOf(open(denying).upload(DIGEST, source(), NEVER))).toBe("forbidden: denied: denied");
  expect(methods(denying)).toBe("POST");
});

test("a registry that takes no more bytes is left after a while, and the upload is given up at last", async () => {
  await using registry = await startFakeRegistry();
  registry.on(/^(PUT|PATCH)/, (request) => (request.socket.pause(), true));
  registry.on(/^GET .*uploads/, (request) => (refuse(request, 404, "BLOB_UPLOAD_UNKNOWN"), true));
  const large = Buffer.alloc(20_000_000);
  const pending = open(registry, { timeouts: { uploadStallMs: 150 } }).upload(digestOf(large), source(large), NEVER);
  expect(await failureOf(pending)).toMatch(/^unavailable: Put "http:.*": i\/o timeout$/);
  expect(registry.requests(/^PUT/).length).toBeGreaterThan(1);
});

test("who gives up need not wait for the next attempt", async () => {
  await using registry = await startFakeRegistry();
  const stop = new AbortController();
  registry.on(/^PUT/, (request) => (request.socket.destroy(), true));
  registry.on(/^GET/, (request) => (request.socket.destroy(), true));
  const clock = {
    ...fakeClock(),
    sleep: (_ms: number, signal?: AbortSignal) =>
      new Promise<void>((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason as Error))),
  };
  const pending = failureOf(open(registry, { clock }).upload(DIGEST, source(), stop.signal));
  setTimeout(() => stop.abort(new Error("enough")), 50);
  expect(await pending).toBe("bug: enough");
});

test("a token that expires between two requests of an upload is renewed", async () => {
  await using tokens = await startTokenServer();
  await using registry = await startFakeRegistry();
  requireToken(registry, tokens);
  // Asked before the one that wants a token: the latest hook is first.
  registry.on(/^PUT/, (_request, nth) => {
    if (nth === 0) tokens.valid.clear();
    return false;
  });
  await open(registry).upload(DIGEST, source(), NEVER);
  expect(registry.blobs.get(DIGEST)).toEqual(BLOB);
  expect(tokens.requests).toHaveLength(2);
});

test("a mount is 201; where an upload was opened instead, it is closed", async () => {
  await using registry = await startFakeRegistry();
  const repository = open(registry);
  expect(await repository.mount(DIGEST, "x/y", NEVER)).toBe(false);
  expect(methods(registry)).toBe("POST DELETE");
  registry.putBlob(BLOB);
  expect(await repository.mount(DIGEST, "x/y", NEVER)).toBe(true);
  expect(registry.seen.at(-1)?.target).toBe(`/v2/a/b/blobs/uploads/?mount=${encodeURIComponent(DIGEST)}&from=x%2Fy`);
});

test.each([
  ["https://[", /names .* as the place of an upload/],
  ["file:///etc/passwd", /sends uploads to .* refused/],
])("a Location %p is refused", async (location, words) => {
  await using registry = await startFakeRegistry();
  registry.on(/^POST/, (request) => (answer(request, { status: 202, headers: { Location: location } }), true));
  expect(await failureOf(open(registry).upload(DIGEST, source(), NEVER))).toMatch(words);
});

test("a manifest that the registry stored as something else is not pushed", async () => {
  await using registry = await startFakeRegistry();
  const bytes = Buffer.from("{}");
  const document = { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: digestOf(bytes), bytes };
  await open(registry).putManifest("1", document, NEVER);
  expect(registry.manifests.get("a/b:1")).toEqual({ mediaType: document.mediaType, bytes });
  registry.on(
    /^PUT/,
    (request) => (answer(request, { status: 201, headers: { "Docker-Content-Digest": DIGEST } }), true),
  );
  expect(await failureOf(open(registry).putManifest("1", document, NEVER))).toMatch(
    /^invalid-argument: the registry stored/,
  );
});
