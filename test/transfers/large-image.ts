import { expect } from "bun:test";
import { beginBlob, type FakeImage, type FakeRegistry, rangeStart, type Seen } from "../harness/fake-registry.ts";
import type { RawRequest } from "../harness/raw-http.ts";
import { layer, type Puller } from "./puller.ts";

/** An image of a small and a large layer, `a/b:1`, whose large layer has a hard time. */
export interface LargeImage extends FakeImage {
  large: FakeImage["layers"][number];
  /** Of requests for the large layer. */
  pattern: RegExp;
  requests(registry: FakeRegistry): Seen[];
  /** Sends the next `bytes` of the large layer, then does what it likes with the connection. */
  portion(bytes: number, then: (request: RawRequest, end: number) => void): (request: RawRequest) => boolean;
}

const LARGE_BYTES = 3_000_000;

/** The same image at every registry. */
export function putLargeImage(registry: FakeRegistry): LargeImage {
  const image = registry.putImage("a/b", "1", [layer("base"), layer("noise", LARGE_BYTES)]);
  const large = image.layers[1] as FakeImage["layers"][number];
  const pattern = new RegExp(`^GET .*${large.digest}`);
  return {
    ...image,
    large,
    pattern,
    requests: ({ seen }) => seen.filter(({ method, target }) => pattern.test(`${method} ${target}`)),
    portion: (bytes, then) => (request) => {
      const end = rangeStart(request) + bytes;
      beginBlob(request, large.bytes, end);
      then(request, end);
      return true;
    },
  };
}

/** The image is there, and nothing else. */
export async function expectWhole(puller: Puller, image: FakeImage): Promise<void> {
  expect(puller.images.library.entries().map(({ row }) => row.id)).toEqual([image.configDigest]);
  expect(await puller.leftovers()).toEqual([]);
}
