import { describe, expect, test } from "bun:test";
import { digestOf } from "../../src/formats/oci/digest.ts";
import { type FakeRegistry, type Hook, refuse, startFakeRegistry } from "../harness/fake-registry.ts";
import { answer, head, type RawRequest } from "../harness/raw-http.ts";
import { ANONYMOUS, bytesOf, clientOf, failureOf, fakeClock, NEVER } from "./client.ts";

const open = (registry: FakeRegistry, options: Parameters<typeof clientOf>[0] = {}) =>
  clientOf(options).repository({ domain: registry.host, path: "a/b" }, ANONYMOUS);

/** Bytes for as long as the other end takes them. */
function flood(request: RawRequest, bytes: string): true {
  const piece = Buffer.from(bytes.repeat(Math.ceil(65_536 / bytes.length)));
  const go = () => {
    while (!request.socket.destroyed && request.socket.write(piece));
    request.socket.once("drain", go);
  };
  go();
  return true;
}

const endless: Hook = (request) => {
  request.socket.write(head(200, { "Content-Type": "application/json", "Content-Length": 1e12 }));
  return flood(request, " ");
};

async function manifestFailure(hook: Hook, options: Parameters<typeof clientOf>[0] = {}): Promise<string> {
  await using registry = await startFakeRegistry({ hooks: [[/manifests/, hook]] });
  registry.putImage("a/b", "1", []);
  return (await failureOf(open(registry, options).manifest("1", NEVER))).replaceAll(registry.host, "HOST");
}

const get = 'unavailable: Get "http://HOST/v2/a/b/manifests/1"';

describe("errors of a registry are told in its words", () => {
  test.each<[string, Hook, string | RegExp]>([
    [
      "the specified form",
      (one) => (refuse(one, 404, "MANIFEST_UNKNOWN"), true),
      "not-found: manifest unknown: manifest unknown",
    ],
    [
      "HTML",
      (one) => (
        answer(one, { status: 404, headers: { "Content-Type": "text/html" }, body: "<h1>nope</h1>\u001b[31m" }), true
      ),
      "not-found: received unexpected HTTP status: 404: <h1>nope</h1> [31m",
    ],
    ["nothing", (one) => (answer(one, { status: 404 }), true), "not-found: received unexpected HTTP status: 404"],
    [
      "Docker Hub's details",
      (one) => (answer(one, { status: 403, body: '{"details":"no access"}' }), true),
      "forbidden: unknown: no access",
    ],
    [
      "an empty list",
      (one) => (answer(one, { status: 400, body: '{"errors":[]}' }), true),
      /^invalid-argument: received unexpected HTTP status: 400/,
    ],
    [
      "an endless error",
      (one) => (one.socket.write(head(404, { "Content-Length": 1e12 })), flood(one, "x")),
      "not-found: received unexpected HTTP status: 404",
    ],
    [
      "401 without a challenge",
      (one) => (answer(one, { status: 401 }), true),
      "unauthorized: received unexpected HTTP status: 401",
    ],
    [
      "401 of a kind nobody knows",
      (one) => (answer(one, { status: 401, headers: { "WWW-Authenticate": "Negotiate" } }), true),
      "unauthorized: http://HOST/v2: no way to authenticate is known",
    ],
    [
      "429 with Retry-After",
      (one) => (refuse(one, 429, "TOOMANYREQUESTS", { "Retry-After": "90" }), true),
      "unavailable: toomanyrequests: toomanyrequests; try again in 90 s (at 2030-01-01T00:01:30Z), or log in for a higher limit",
    ],
    [
      "429 with Docker Hub's headers",
      (one) => (
        answer(one, { status: 429, headers: { "x-ratelimit-reset": "1893459600", "ratelimit-limit": "100;w=21600" } }),
        true
      ),
      "unavailable: received unexpected HTTP status: 429; 100 requests in 6 h are allowed; try again in 60 min (at 2030-01-01T01:00:00Z), or log in for a higher limit",
    ],
    [
      "429 that says nothing of use",
      (one) => (answer(one, { status: 429, headers: { "Retry-After": "soon" } }), true),
      "unavailable: received unexpected HTTP status: 429",
    ],
  ])("%s", async (_what, hook, expected) => {
    const words = await manifestFailure(hook);
    if (typeof expected === "string") expect(words).toBe(expected);
    else expect(words).toMatch(expected);
  });
});

describe("what has no end is cut", () => {
  const quick = { timeouts: { headMs: 400, bodyMs: 400 } };
  test.each<[string, Hook, string]>([
    ["a manifest", endless, `${get}: the answer is larger than 4194304 bytes`],
    [
      "a head of one header",
      (one) => (one.socket.write("HTTP/1.1 200 OK\r\nX-A: "), flood(one, "a")),
      `${get}: net/http: server response headers exceeded the limit`,
    ],
    [
      "a head of many headers",
      (one) => (one.socket.write("HTTP/1.1 200 OK\r\n"), flood(one, "X-A: b\r\n")),
      `${get}: net/http: malformed HTTP response`,
    ],
    ["silence", () => true, `${get}: i/o timeout`],
    [
      "silence after the head",
      (one) => (one.socket.write(head(200, { "Content-Length": 9 })), true),
      `${get}: i/o timeout`,
    ],
    [
      "a byte at a time",
      (one) => (one.socket.write(head(200, { "Content-Length": 1e6 })), drip(one)),
      `${get}: i/o timeout`,
    ],
    [
      "a head a byte at a time",
      (one) => (one.socket.write("HTTP/1.1 200 OK\r\nX: "), drip(one)),
      `${get}: i/o timeout`,
    ],
  ])("%s", async (_what, hook, expected) => {
    expect(await manifestFailure(hook, quick)).toBe(expected);
  });

  function drip({ socket }: RawRequest): true {
    const timer = setInterval(() => socket.write("x"), 20);
    socket.on("close", () => clearInterval(timer));
    return true;
  }

  test("pages of tags that bring nothing new, or too many", async () => {
    const link = { Link: '<x>; rel="next"' };
    let tags: () => unknown[] = () => ["same"];
    const hook: Hook = (one) => (answer(one, { headers: link, body: JSON.stringify({ tags: tags() }) }), true);
    await using registry = await startFakeRegistry({ hooks: [[/tags/, hook]] });
    expect(await open(registry).tags(NEVER)).toEqual(["same"]);
    expect(registry.requests(/tags/)).toHaveLength(2);
    registry.seen.splice(0);
    let next = 0;
    tags = () => [`t${next++}`];
    expect(await open(registry).tags(NEVER)).toHaveLength(1000);
    tags = () => Array.from({ length: 60_000 }, () => `t${next++}`);
    expect(await failureOf(open(registry).tags(NEVER))).toMatch(/more than 100000 tags/);
    tags = () => ["good", "../bad", 7, "x@sha256:1", "-bad", "a".repeat(129), ""];
    expect(await open(registry).tags(NEVER)).toEqual(["good"]);
  });
});

describe("a server that stumbles is asked again", () => {
  test("500 twice, then the manifest", async () => {
    const hook: Hook = (one, nth) => (nth < 2 ? (answer(one, { status: 500 }), true) : false);
    await using registry = await startFakeRegistry({ hooks: [[/manifests/, hook]] });
    const { digest } = registry.putImage("a/b", "1", []);
    const clock = fakeClock();
    expect((await open(registry, { clock }).manifest("1", NEVER)).digest).toBe(digest);
    expect(clock.slept).toEqual([300, 600]);
  });

  test("a connection that breaks; 503 for ever is told at last, 404 at once", async () => {
    const broken: Hook = (one, nth) => (nth === 0 ? (one.socket.destroy(), true) : false);
    await using registry = await startFakeRegistry({ hooks: [[/manifests/, broken]] });
    registry.putImage("a/b", "1", []);
    await open(registry).manifest("1", NEVER);
    expect(registry.requests(/manifests/)).toHaveLength(2);
    registry.on(/manifests/, (one) => (answer(one, { status: 503 }), true));
    registry.seen.splice(0);
    expect(await failureOf(open(registry).manifest("1", NEVER))).toMatch(
      /^unavailable: received unexpected HTTP status: 503/,
    );
    expect(registry.requests(/manifests/)).toHaveLength(3);
    registry.seen.splice(0);
    registry.on(/manifests/, (one) => (answer(one, { status: 404 }), true));
    await failureOf(open(registry).manifest("1", NEVER));
    expect(registry.requests(/manifests/)).toHaveLength(1);
  });

  test("who gives up while it waits is told so", async () => {
    await using registry = await startFakeRegistry({ hooks: [[/manifests/, () => true]] });
    const stop = new AbortController();
    const pending = failureOf(open(registry).manifest("1", stop.signal));
    setTimeout(() => stop.abort(new Error("enough")), 30);
    expect(await pending).toBe("bug: enough");
  });
});

describe("documents are what their bytes are", () => {
  test("a digest that does not fit the bytes is refused", async () => {
    const asked = digestOf("something else");
    await using registry = await startFakeRegistry({
      hooks: [[/manifests/, (one) => (answer(one, { body: "{}" }), true)]],
    });
    expect(await failureOf(open(registry).manifest(asked, NEVER))).toBe(
      `invalid-argument: manifest verification failed for digest ${asked}`,
    );
    const lie: Hook = (one) => (answer(one, { headers: { "Docker-Content-Digest": asked }, body: "{}" }), true);
    expect(await manifestFailure(lie)).toMatch(/^invalid-argument: manifest verification failed/);
  });

  test("a sha512 digest is verified by sha512", async () => {
    const body = '{"schemaVersion":2}';
    const digest = `sha512:${new Bun.CryptoHasher("sha512").update(body).digest("hex")}`;
    await using registry = await startFakeRegistry({ hooks: [[/manifests/, (one) => (answer(one, { body }), true)]] });
    expect((await open(registry).manifest(digest, NEVER)).digest as string).toBe(digest);
    expect(await failureOf(open(registry).manifest(`${digest.slice(0, -1)}0`, NEVER))).toMatch(
      /verification failed|it worked/,
    );
  });

  test("Content-Encoding does not change a blob's bytes", async () => {
    await using registry = await startFakeRegistry();
    const digest = registry.putBlob(Bun.gzipSync(Buffer.from("inside")));
    registry.on(
      /blobs/,
      (one) => (
        answer(one, { headers: { "Content-Encoding": "gzip" }, body: registry.blobs.get(digest) as Buffer }), true
      ),
    );
    const { body } = await open(registry).blob(digest, { offset: 0, signal: NEVER });
    expect(digestOf(await bytesOf(body))).toBe(digest);
  });

  test.each<[string, Hook, number]>([
    ["that ignores Range begins anew", (one) => (answer(one, { body: "0123456789" }), true), 0],
    [
      "that sends another part is asked for all of it",
      (one) => (
        answer(
          one,
          one.headers.range === undefined
            ? { body: "0123456789" }
            : { status: 206, headers: { "Content-Range": "bytes 2-9/10" }, body: "23456789" },
        ),
        true
      ),
      0,
    ],
    [
      "that says 206 and no range is asked for all of it",
      (one) => (
        answer(one, one.headers.range === undefined ? { body: "0123456789" } : { status: 206, body: "456789" }), true
      ),
      0,
    ],
    [
      "that says 416 is asked for all of it",
      (one) => (answer(one, one.headers.range === undefined ? { body: "0123456789" } : { status: 416 }), true),
      0,
    ],
    [
      "that continues does so",
      (one) => (answer(one, { status: 206, headers: { "Content-Range": "bytes 4-9/10" }, body: "456789" }), true),
      4,
    ],
  ])("a server %s", async (_what, hook, offset) => {
    await using registry = await startFakeRegistry({ hooks: [[/blobs/, hook]] });
    const blob = await open(registry).blob(digestOf("0123456789"), { offset: 4, signal: NEVER });
    expect([blob.offset, blob.totalBytes, String(await bytesOf(blob.body))]).toEqual([
      offset,
      10,
      "0123456789".slice(offset),
    ]);
  });
});

describe("search", () => {
  test("of a registry with /v1/search is its own", async () => {
    await using registry = await startFakeRegistry();
    const results = [{ name: "ubuntu", description: "d", star_count: 3, is_official: true }, "rubbish", { name: 7 }];
    registry.on(/GET \/v1\/search/, (one) => (answer(one, { body: JSON.stringify({ results }) }), true));
    expect(
      await clientOf().search(registry.host, { term: "ubu", limit: 25 }, { credentials: undefined, signal: NEVER }),
    ).toEqual([
      { name: "ubuntu", description: "d", starCount: 3, isOfficial: true, isAutomated: false },
      { name: "", description: "", starCount: 0, isOfficial: false, isAutomated: false },
    ]);
    expect(registry.requests(/./)).toEqual(["GET /v1/search?q=ubu&n=25"]);
  });

  test("of a registry without is its catalogue, page by page up to the limit", async () => {
    await using registry = await startFakeRegistry();
    registry.on(/_catalog/, (one) => {
      const first = one.query.get("last") === "";
      const repositories = first ? ["a/ubuntu", "other"] : ["ubuntu-2", "ubuntu-3"];
      answer(one, {
        headers: first ? { Link: '</v2/_catalog?last=x>; rel="next"' } : {},
        body: JSON.stringify({ repositories }),
      });
      return true;
    });
    const find = (limit: number) =>
      clientOf().search(registry.host, { term: "Ubuntu", limit }, { credentials: undefined, signal: NEVER });
    expect((await find(25)).map(({ name }) => name)).toEqual(["a/ubuntu", "ubuntu-2", "ubuntu-3"]);
    expect((await find(1)).map(({ name }) => name)).toEqual(["a/ubuntu"]);
  });
});
