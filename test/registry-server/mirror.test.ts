import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { until } from "../harness/until.ts";
import { inProcess, type TestRegistry } from "./in-process.ts";
import { digestOf, must, OCI_MANIFEST, pushBlob, pushImage } from "./push.ts";
import { temporaryDirectory } from "./server-process.ts";

/** Stands between a mirror and its upstream: counts, breaks, slows and lies as it is told. */
interface Between {
  url: string;
  /** `GET /v2/…` of what came by. */
  seen: string[];
  /** An answer instead of the upstream's; undefined: pass on. */
  twist: (method: string, path: string) => Response | Promise<Response | undefined> | undefined;
  stop(): Promise<void>;
}

let upstream: TestRegistry;
let between: Between;
beforeAll(async () => {
  upstream = await inProcess();
  between = startBetween();
});
afterAll(async () => {
  await between.stop();
  await upstream[Symbol.asyncDispose]();
});

function startBetween(): Between {
  const state: Omit<Between, "url" | "stop"> = { seen: [], twist: () => undefined };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      state.seen.push(`${request.method} ${pathname}`);
      const twisted = await state.twist(request.method, pathname);
      if (twisted !== undefined) return twisted;
      const { method } = request;
      const accept = { Accept: request.headers.get("accept") ?? "" };
      const answer = await fetch(`${upstream.url}${pathname}${search}`, { method, headers: accept });
      return new Response(method === "HEAD" ? null : await answer.bytes(), {
        status: answer.status,
        headers: answer.headers,
      });
    },
  });
  return Object.assign(state, { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) });
}

async function withMirror(use: (mirror: TestRegistry) => Promise<void>): Promise<void> {
  between.seen.length = 0;
  between.twist = () => undefined;
  await using mirror = await inProcess({ proxy: between.url });
  await use(mirror);
}

const blobs = (root: string) => readdirSync(join(root, "blobs/sha256"));

test("what is pulled comes from upstream once, then from here; a tag is asked for each time", async () => {
  const digest = await pushImage(upstream, "app", "v1", { layer: "layer of app" });
  await withMirror(async (mirror) => {
    for (let pull = 0; pull < 2; pull++) {
      const manifest = await must(mirror, "/v2/app/manifests/v1");
      expect(manifest.headers.get("content-type")).toBe(OCI_MANIFEST);
      expect(digestOf(await manifest.text())).toBe(digest);
      const blob = await must(mirror, `/v2/app/blobs/${digestOf("layer of app")}`);
      expect(await blob.text()).toBe("layer of app");
      expect((await must(mirror, `/v2/app/manifests/${digest}`)).status).toBe(200);
      await until("the blob is kept", () => blobs(mirror.root).length === 2);
    }
    expect(between.seen).toEqual([
      "GET /v2/app/manifests/v1",
      `GET /v2/app/blobs/${digestOf("layer of app")}`,
      "HEAD /v2/app/manifests/v1",
    ]);
    expect((await mirror.fetch("/v2/app/manifests/none")).status).toBe(404);
    expect((await mirror.fetch(`/v2/app/blobs/${digestOf("none")}`)).status).toBe(404);
  });
});

test("a tag that moved upstream moves here; with the upstream down it is served as it was last seen", async () => {
  const before = await pushImage(upstream, "moving", "v1", { layer: "before" });
  await withMirror(async (mirror) => {
    const now = async () => (await must(mirror, "/v2/moving/manifests/v1")).headers.get("docker-content-digest");
    expect(await now()).toBe(before);
    const after = await pushImage(upstream, "moving", "v1", { layer: "after" });
    expect(await now()).toBe(after);
    between.twist = () => new Response("down", { status: 503 });
    expect(await now()).toBe(after);
    expect((await mirror.fetch("/v2/moving/manifests/v2")).status).toBe(502);
    expect((await mirror.fetch(`/v2/moving/blobs/${digestOf("after")}`)).status).toBe(502);
  });
});

test("twenty clients that want one blob cause one request upstream", async () => {
  const bytes = Buffer.alloc(3 << 20, "twenty");
  const digest = await pushBlob(upstream, "shared", bytes);
  await withMirror(async (mirror) => {
    const gots = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const headers: Record<string, string> = index % 2 === 0 ? {} : { Range: "bytes=1000000-1000009" };
        return (await must(mirror, `/v2/shared/blobs/${digest}`, { headers })).bytes();
      }),
    );
    expect(gots.map((got) => digestOf(got))).toEqual(
      gots.map((_, index) => (index % 2 === 0 ? digest : digestOf(bytes.subarray(1_000_000, 1_000_010)))),
    );
    expect(between.seen).toEqual([`GET /v2/shared/blobs/${digest}`]);
  });
});

test("a blob comes through while it is fetched", async () => {
  const digest = await pushBlob(upstream, "stream", "first half, second half");
  const gate = Promise.withResolvers<void>();
  // Bun's server would leave the length out beside a stream.
  const slow = createServer((_request, response) => {
    response.writeHead(200, { "Content-Length": "23" });
    response.write("first half, ");
    void gate.promise.then(() => response.end("second half"));
  });
  await new Promise<void>((listening) => slow.listen(0, "127.0.0.1", listening));
  try {
    await using mirror = await inProcess({ proxy: `http://127.0.0.1:${(slow.address() as AddressInfo).port}` });
    const reader = (await must(mirror, `/v2/stream/blobs/${digest}`)).body?.getReader();
    let text = "";
    const read = async () => {
      const piece = await reader?.read();
      text += Buffer.from(piece?.value ?? []).toString();
      return piece?.done !== true;
    };
    await read();
    expect(text).toStartWith("first half");
    gate.resolve();
    while (await read());
    expect(text).toBe("first half, second half");
  } finally {
    slow.close();
  }
});

test("an upstream that does not say how long a blob is: a cache of a cache", async () => {
  const digest = await pushBlob(upstream, "chain", "through two caches");
  await withMirror(async (near) => {
    await using far = await inProcess({ proxy: near.url });
    const response = await must(far, `/v2/chain/blobs/${digest}`, { headers: { Range: "bytes=8-10" } });
    expect([response.status, await response.text()]).toEqual([206, "two"]);
    expect(between.seen).toEqual([`GET /v2/chain/blobs/${digest}`]);
  });
});

test("bytes that are not what the digest says: the client gets no whole blob, and nothing is kept", async () => {
  const digest = await pushBlob(upstream, "lies", "the truth");
  await withMirror(async (mirror) => {
    between.twist = () => new Response("the lies!");
    const got = await mirror
      .fetch(`/v2/lies/blobs/${digest}`)
      .then((response) => response.text())
      .catch(String);
    expect(got).not.toBe("the lies!");
    await until("the upload is gone", () => blobs(mirror.root).length === 0);
    between.twist = () =>
      new Response("{}", { headers: { "Content-Type": OCI_MANIFEST, "Docker-Content-Digest": digest } });
    expect((await mirror.fetch(`/v2/lies/manifests/${digest}`)).status).toBe(502);
    between.twist = () => undefined;
    expect(await (await must(mirror, `/v2/lies/blobs/${digest}`)).text()).toBe("the truth");
  });
});

test("a cache takes no pushes", async () => {
  await withMirror(async (mirror) => {
    const response = await mirror.fetch("/v2/app/blobs/uploads/", { method: "POST" });
    expect(response.status).toBe(405);
    expect(await response.text()).toContain("a cache of another one");
  });
});

test("an upstream that wants a password, or a token for everybody, gets it; one that is busy is told of", async () => {
  using folder = temporaryDirectory();
  const htpasswd = join(folder.path, "htpasswd");
  writeFileSync(htpasswd, `me:${Bun.password.hashSync("secret", { algorithm: "bcrypt", cost: 4 })}\n`);
  await using upstreamData = await inProcess();
  const digest = await pushImage(upstreamData, "app", "v1");
  const { root } = upstreamData;
  await using strict = await inProcess({ root, htpasswd });
  await using lenient = await inProcess({ root, htpasswd, "anonymous-pull": "true" });
  writeFileSync(join(folder.path, "password"), "secret\n");
  const account = { "proxy-username": "me", "proxy-password-file": join(folder.path, "password") };
  for (const settings of [{ proxy: strict.url, ...account }, { proxy: lenient.url }]) {
    await using mirror = await inProcess(settings);
    const manifest = await must(mirror, "/v2/app/manifests/v1");
    expect(manifest.headers.get("docker-content-digest")).toBe(digest);
    expect(await (await must(mirror, `/v2/app/blobs/${digestOf("layer")}`)).text()).toBe("layer");
  }
  await using stranger = await inProcess({ proxy: strict.url });
  expect((await stranger.fetch("/v2/app/manifests/v1")).status).toBe(502);
  await withMirror(async (mirror) => {
    between.twist = () => new Response("", { status: 429 });
    expect((await mirror.fetch("/v2/app/manifests/v9")).status).toBe(429);
  });
});
