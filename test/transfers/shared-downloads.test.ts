import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { ProgressMessage } from "../../src/images/images.ts";
import { beginBlob, type FakeRegistry, refuse, startFakeRegistry } from "../harness/fake-registry.ts";
import { until } from "../harness/until.ts";
import { isRoot } from "../images/fixture.ts";
import { expectWhole, type LargeImage, putLargeImage } from "./large-image.ts";
import { layer, openPuller, type Puller } from "./puller.ts";

/** Many who want the same at once. */
let registry: FakeRegistry;
let puller: Puller;
let image: LargeImage;

beforeEach(async () => {
  registry = await startFakeRegistry();
  puller = await openPuller();
  image = putLargeImage(registry);
});
afterEach(async () => {
  await puller?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
});

const name = (one: FakeRegistry = registry) => `${one.host}/a/b:1`;
const requests = (one: FakeRegistry = registry) => image.requests(one);

/** Pulls that have joined the download of the large layer. */
function countWaiting() {
  const large = image.large.digest.slice(7, 19);
  const waiting = {
    count: 0,
    onMessage: ({ id, status }: ProgressMessage) => {
      if (id === large && status === "Pulling fs layer") waiting.count++;
    },
  };
  return waiting;
}

describe.skipIf(!isRoot)("attack 36", () => {
  /** The layer comes to its end when the test says so. */
  function slowly(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    registry.on(image.pattern, (request) => {
      beginBlob(request, image.large.bytes, 1_000_000);
      void promise.then(() => request.socket.write(image.large.bytes.subarray(1_000_000)));
      return true;
    });
    return resolve;
  }

  test("attack 36: twenty pulls of one image fetch and unpack it once, and all are told how it goes", async () => {
    const finish = slowly();
    const waiting = countWaiting();
    const pulls = Array.from({ length: 20 }, () => puller.pull(name(), { onMessage: waiting.onMessage }));
    await until("all wait for the layers", () => waiting.count === 20);
    finish();
    for (const { failure, lines } of await Promise.all(pulls)) {
      expect(failure).toBeUndefined();
      expect(lines.filter((line) => line.endsWith(": Pull complete"))).toHaveLength(2);
      expect(lines.at(-1)).toBe(`Status: Downloaded newer image for ${name()}`);
    }
    const blobs = registry.requests(/^GET .*blobs/);
    expect(blobs).toHaveLength(3);
    expect(new Set(blobs).size).toBe(3);
    expect(puller.snapshots.listLayers()).toHaveLength(2);
    await expectWhole(puller, image);
  });

  test("attack 36: nineteen who give up, the first among them, do not harm the twentieth", async () => {
    const finish = slowly();
    const stop = new AbortController();
    const first = puller.pull(name(), { signal: stop.signal });
    await until("the layer is on its way", () => requests().length > 0);
    const waiting = countWaiting();
    const quitters = Array.from({ length: 18 }, () =>
      puller.pull(name(), { signal: stop.signal, onMessage: waiting.onMessage }),
    );
    const last = puller.pull(name(), { onMessage: waiting.onMessage });
    await until("all wait for the layer", () => waiting.count === 19);
    stop.abort(new Error("enough"));
    const left = await Promise.all([first, ...quitters]);
    expect(left.map(({ failure }) => failure)).toEqual(Array(19).fill("bug: enough"));
    finish();
    expect((await last).failure).toBeUndefined();
    expect(requests()).toHaveLength(1);
    await expectWhole(puller, image);
  });

  test("attack 36: when all give up, the download ends", async () => {
    registry.on(
      image.pattern,
      image.portion(1_000_000, () => undefined),
    );
    let isClosed = false;
    registry.on(image.pattern, ({ socket }) => {
      socket.on("close", () => (isClosed = true));
      return false;
    });
    const stop = new AbortController();
    const all = Array.from({ length: 5 }, () => puller.pull(name(), { signal: stop.signal }));
    await until("the layer is on its way", () => requests().length > 0);
    stop.abort(new Error("enough"));
    await Promise.all(all);
    await until("the connection is closed", () => isClosed, { timeoutMs: 5000 });
    expect(puller.images.library.entries()).toEqual([]);
  });

  test("a config that somebody else's registry refuses comes from one's own", async () => {
    await using other = await startFakeRegistry();
    putLargeImage(other);
    const { promise, resolve } = Promise.withResolvers<void>();
    const pattern = new RegExp(image.configDigest);
    registry.on(pattern, (request) => {
      void promise.then(() => refuse(request, 403, "DENIED"));
      return true;
    });
    const first = puller.pull(name());
    await until("the first asks for the config", () => registry.requests(pattern).length > 0);
    const second = puller.pull(name(other));
    await until("the second has the manifest", () => other.requests(/manifests/).length > 0);
    setTimeout(resolve, 20);
    expect((await first).failure).toBe("forbidden: denied: denied");
    expect((await second).failure).toBeUndefined();
    await expectWhole(puller, image);
  });

  test("a registry that is slow does not keep other downloads waiting", async () => {
    await using narrow = await openPuller({ downloads: 1, stallMs: 200 });
    let isDone = false;
    registry.on(image.pattern, async (request) => {
      beginBlob(request, image.large.bytes, 0);
      for (let at = 0; !isDone; at += 20_000) {
        request.socket.write(image.large.bytes.subarray(at, at + 20_000));
        await Bun.sleep(40);
      }
      request.socket.destroy();
      return true;
    });
    const slow = narrow.pull(name());
    await until("the slow one has the only place", () => requests().length > 0);
    registry.putImage("quick", "1", [layer("quick", 50_000)]);
    expect((await narrow.pull(`${registry.host}/quick:1`)).failure).toBeUndefined();
    // Not because the slow one has come to its end.
    expect(narrow.content.has(image.large.digest)).toBe(false);
    isDone = true;
    registry.on(image.pattern, (request) => (beginBlob(request, image.large.bytes, image.large.bytes.length), true));
    expect((await slow).failure).toBeUndefined();
  });

  test("at most so many blobs come at once", async () => {
    await using narrow = await openPuller({ downloads: 2 });
    registry.putImage(
      "many",
      "1",
      Array.from({ length: 6 }, (_, at) => layer(`l${at}`, 50_000)),
    );
    let open = 0;
    let most = 0;
    registry.on(/^GET .*many.*blobs/, async ({ socket, path }) => {
      if ((registry.blobs.get(path.split("/").at(-1) ?? "")?.length ?? 0) < 50_000) return false;
      most = Math.max(most, ++open);
      socket.on("close", () => open--);
      await Bun.sleep(20);
      return false;
    });
    expect((await narrow.pull(`${registry.host}/many:1`)).failure).toBeUndefined();
    expect(most).toBe(2);
  });
});
