import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beginBlob, type FakeRegistry, rangeStart, refuse, startFakeRegistry } from "../harness/fake-registry.ts";
import { answer, head, type RawRequest } from "../harness/raw-http.ts";
import { until } from "../harness/until.ts";
import { isRoot } from "../images/fixture.ts";
import { expectWhole, type LargeImage, putLargeImage } from "./large-image.ts";
import { openPuller, type Puller } from "./puller.ts";

/** Registries whose connections stall, break and lead elsewhere. */
let registry: FakeRegistry;
let puller: Puller;
/** It has less patience: for those tests that wait for a stall. */
let impatient: Puller;
let image: LargeImage;

const STALL_MS = 250;

beforeEach(async () => {
  registry = await startFakeRegistry();
  puller = await openPuller();
  impatient = await openPuller({ stallMs: STALL_MS });
  image = putLargeImage(registry);
});
afterEach(async () => {
  await puller?.[Symbol.asyncDispose]();
  await impatient?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
});

const name = (one: FakeRegistry = registry) => `${one.host}/a/b:1`;
const requests = (one: FakeRegistry = registry) => image.requests(one);

/** Bytes that were sent for the large layer. */
function meter(one: FakeRegistry): { sent: number } {
  const count = { sent: 0 };
  one.on(image.pattern, (request) => {
    const write = request.socket.write.bind(request.socket) as (bytes: Uint8Array | string) => boolean;
    request.socket.write = ((bytes: Uint8Array | string) => {
      if (typeof bytes !== "string") count.sent += bytes.length;
      return write(bytes);
    }) as typeof request.socket.write;
    return false;
  });
  return count;
}

/** Once the puller has all that was sent: what is on its way is lost with a connection. */
const hangUp = ({ socket }: RawRequest, end: number) =>
  void until("what was sent has arrived", () => arrived() === end).finally(() => socket.destroy());
const arrived = () =>
  puller.content.partials.list().find(({ digest }) => digest === image.large.digest)?.sizeBytes ?? 0;

describe.skipIf(!isRoot)("attack 35", () => {
  test("attack 35: a connection that is reset at 99 % goes on by Range, and no byte comes twice", async () => {
    let end = Math.floor(image.large.bytes.length * 0.99);
    const count = meter(registry);
    registry.on(image.pattern, (request, nth) => {
      if (nth > 1) return false;
      beginBlob(request, image.large.bytes, end);
      count.sent += end - rangeStart(request);
      hangUp(request, end);
      end += 5000;
      return true;
    });
    const { failure, lines } = await puller.pull(name());
    expect(failure).toBeUndefined();
    expect(requests().map(({ headers }) => headers.range)).toEqual([
      undefined,
      `bytes=${end - 10_000}-`,
      `bytes=${end - 5000}-`,
    ]);
    expect(count.sent).toBe(image.large.bytes.length);
    expect(lines.filter((line) => line.includes("Retrying"))).toEqual(
      Array(2).fill(expect.stringMatching(/^[0-9a-f]{12}: Retrying in 1 second/)),
    );
    await expectWhole(puller, image);
  });

  test("attack 35: a registry that stalls, and one that gives a byte at a time, are left and asked again", async () => {
    registry.on(image.pattern, (request, nth) => {
      if (nth > 1) return false;
      beginBlob(request, image.large.bytes, rangeStart(request) + 1_200_000);
      if (nth === 0) return true;
      let at = rangeStart(request) + 1_200_000;
      const timer = setInterval(() => request.socket.write(image.large.bytes.subarray(at, ++at)), 20);
      request.socket.on("close", () => clearInterval(timer));
      return true;
    });
    expect((await impatient.pull(name())).failure).toBeUndefined();
    expect(requests()).toHaveLength(3);
    await expectWhole(impatient, image);
  });

  test("attack 35: a registry that brings next to nothing, however often it is asked, is given up in words", async () => {
    registry.on(
      image.pattern,
      image.portion(10, () => undefined),
    );
    const startedAt = performance.now();
    const { failure } = await impatient.pull(name());
    expect(failure).toMatch(/^unavailable: download of sha256:\S+ failed after 5 attempts: .*the connection stalled$/);
    expect(performance.now() - startedAt).toBeLessThan(STALL_MS * 2 * 5 + 2000);
    expect(requests()).toHaveLength(5);
    // What it did bring is for the next attempt; it is no image and no layer.
    expect(impatient.content.partials.list().map(({ digest, sizeBytes }) => [digest, sizeBytes])).toEqual([
      [image.large.digest, 50],
    ]);
    expect(impatient.images.library.entries()).toEqual([]);
    registry.on(image.pattern, () => false);
    registry.on(image.pattern, (request) => (beginBlob(request, image.large.bytes, image.large.bytes.length), true));
    expect((await impatient.pull(name())).failure).toBeUndefined();
    expect(requests().at(-1)?.headers.range).toBe("bytes=50-");
    await expectWhole(impatient, image);
  });

  test("attack 35: a pull that is cancelled stops at once, and the next one goes on from there", async () => {
    const half = Math.floor(image.large.bytes.length / 2);
    registry.on(image.pattern, (request, nth) => nth === 0 && image.portion(half, () => undefined)(request));
    const stop = new AbortController();
    const first = puller.pull(name(), { signal: stop.signal });
    await until("half of it is here", () => puller.content.partials.list()[0]?.sizeBytes === half);
    stop.abort(new Error("enough"));
    expect((await first).failure).toBe("bug: enough");
    expect(puller.images.library.entries()).toEqual([]);
    registry.seen.splice(0);
    expect((await puller.pull(name())).failure).toBeUndefined();
    expect(requests().map(({ headers }) => headers.range)).toEqual([`bytes=${half}-`]);
    // The other layer and the config were whole.
    expect(registry.requests(/blobs/)).toHaveLength(1);
    await expectWhole(puller, image);
  });

  test.each<[string, (request: RawRequest) => boolean]>([
    ["ignores Range", (request) => (answer(request, { body: image.large.bytes }), true)],
    [
      "sends another part than was asked for",
      (request) => (
        request.headers.range === undefined
          ? answer(request, { body: image.large.bytes })
          : answer(request, {
              status: 206,
              headers: { "Content-Range": `bytes 5-9/${image.large.bytes.length}` },
              body: "56789",
            }),
        true
      ),
    ],
    [
      "cannot tell how long it is",
      (request) => {
        request.socket.write(head(200, { Connection: "close" }));
        request.socket.end(image.large.bytes);
        return true;
      },
    ],
    ["fails twice with 500", (request) => (requests().length < 4 ? (answer(request, { status: 500 }), true) : false)],
    [
      "sends chunks",
      (request) => {
        request.socket.write(head(200, { "Transfer-Encoding": "chunked", Connection: "close" }));
        for (let at = 0; at < image.large.bytes.length; at += 100_000) {
          const piece = image.large.bytes.subarray(at, at + 100_000);
          request.socket.write(`${piece.length.toString(16)}\r\n`);
          request.socket.write(piece);
          request.socket.write("\r\n");
        }
        request.socket.end("0\r\n\r\n");
        return true;
      },
    ],
  ])("attack 35: after a break, a registry that %s serves, too", async (_what, hook) => {
    registry.on(image.pattern, (request, nth) =>
      nth === 0 ? image.portion(1_000_000, hangUp)(request) : hook(request),
    );
    expect((await puller.pull(name())).failure).toBeUndefined();
    await expectWhole(puller, image);
  });

  test("attack 35: a registry that is gone for a while is asked again", async () => {
    registry.on(image.pattern, (request, nth) => {
      if (nth > 0) return false;
      image.portion(1_000_000, () => undefined)(request);
      setTimeout(() => void registry.stop().then(() => setTimeout(() => void registry.start(), 20)), 20);
      return true;
    });
    const { failure, lines } = await puller.pull(name());
    expect(failure).toBeUndefined();
    expect(lines.some((line) => line.includes("Retrying in"))).toBe(true);
    await expectWhole(puller, image);
  });

  test("attack 35: the same layer at two registries, the first of which stalls: the second goes on where it stands", async () => {
    await using other = await startFakeRegistry();
    putLargeImage(other);
    registry.on(
      image.pattern,
      image.portion(1_100_000, () => undefined),
    );
    const first = impatient.pull(name());
    await until("the first is under way", () => requests().length > 0);
    const second = impatient.pull(name(other));
    const results = await Promise.all([first, second]);
    expect(results.map(({ failure }) => failure)).toEqual([undefined, undefined]);
    expect(requests(other).map(({ headers }) => headers.range)).toEqual(["bytes=1100000-"]);
    await expectWhole(impatient, image);
  });

  test("refusals in the middle of an image are told at once", async () => {
    registry.on(image.pattern, (request) => (refuse(request, 429, "TOOMANYREQUESTS", { "Retry-After": "60" }), true));
    expect((await puller.pull(name())).failure).toMatch(/^unavailable: toomanyrequests: .*try again in 60 s/);
    registry.on(image.pattern, (request) => (refuse(request, 404, "BLOB_UNKNOWN"), true));
    // The first puller may keep what it has for its next attempt; where the blob is not there, there will be none.
    expect((await impatient.pull(name())).failure).toMatch(/^not-found: blob unknown/);
    expect(requests()).toHaveLength(2);
    expect(await impatient.leftovers()).toEqual([]);
  });

  test("a config whose connection breaks is asked for again, and one that stays away is told in words", async () => {
    const pattern = new RegExp(`^GET .*${image.configDigest}`);
    const half = (request: RawRequest) => {
      beginBlob(request, image.config, 20);
      request.socket.end();
      return true;
    };
    registry.on(pattern, (request, nth) => nth < 2 && half(request));
    expect((await puller.pull(name())).failure).toBeUndefined();
    expect(registry.requests(pattern)).toHaveLength(3);
    registry.on(pattern, half);
    expect((await impatient.pull(name())).failure).toBe(
      `unavailable: Get "blob:${image.configDigest}": read: connection reset by peer`,
    );
  });

  test.each<[string, (request: RawRequest) => boolean]>([
    ["are short", (request) => (answer(request, { body: image.large.bytes.subarray(1) }), true)],
    ["break off", (request) => image.portion(1000, ({ socket }) => socket.end())(request)],
  ])("a mirror whose blobs %s is passed over", async (_what, hook) => {
    await using origin = await startFakeRegistry();
    putLargeImage(origin);
    const certsDir = mkdtempSync(join(tmpdir(), "gantry-certs-"));
    mkdirSync(join(certsDir, "registry.test"));
    const hosts = `server = "http://${origin.host}"\n[host."http://${registry.host}"]\n`;
    writeFileSync(join(certsDir, "registry.test/hosts.toml"), hosts);
    registry.on(image.pattern, hook);
    await using mirrored = await openPuller({ certsDir });
    const { failure } = await mirrored.pull("registry.test/a/b:1");
    rmSync(certsDir, { recursive: true });
    expect(failure).toBeUndefined();
    expect(requests().length).toBeGreaterThan(0);
    expect(requests(origin)).toHaveLength(1);
    await expectWhole(mirrored, image);
  });

  test("attack 34: a blob may lie on another server, which is asked to go on, too", async () => {
    await using storage = await startFakeRegistry();
    putLargeImage(storage);
    registry.on(
      /blobs/,
      (request) => (
        answer(request, { status: 307, headers: { Location: `http://${storage.host}${request.target}` } }), true
      ),
    );
    storage.on(image.pattern, (request, nth) => nth === 0 && image.portion(1_000_000, hangUp)(request));
    expect((await puller.pull(name())).failure).toBeUndefined();
    expect(requests(storage).map(({ headers }) => headers.range)).toEqual([undefined, "bytes=1000000-"]);
    await expectWhole(puller, image);
  });
});
