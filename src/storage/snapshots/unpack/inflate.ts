import { createGunzip, createZstdDecompress } from "node:zlib";
import type { Compression } from "../../../formats/oci/media-types.ts";
import { badTar } from "../../../formats/tar/entry.ts";

/** Window of a zstd frame, as a power of two: what every decoder must take. Bigger ones ask for memory. */
const MAX_ZSTD_WINDOW_LOG = 27;
const CHUNK_BYTES = 1 << 18;

/** The plain bytes of `source`. Throws invalid-argument for a damaged or cut stream, or for garbage after it. */
export async function* inflate(
  source: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncGenerator<Uint8Array> {
  if (compression === "none") {
    yield* source;
    return;
  }
  const stream =
    compression === "gzip"
      ? createGunzip({ chunkSize: CHUNK_BYTES })
      : createZstdDecompress({ chunkSize: CHUNK_BYTES, params: { 100: MAX_ZSTD_WINDOW_LOG } });
  const feeding = feed(source, stream);
  // A source that fails must not leave the reader waiting.
  feeding.catch((error: Error) => stream.destroy(error));
  try {
    for await (const bytes of stream) yield bytes as Uint8Array;
    await feeding;
  } catch (error) {
    await feeding.catch(() => undefined);
    throw badTar(`${compression}: ${(error as Error).message}`);
  } finally {
    stream.destroy();
  }
}

async function feed(source: AsyncIterable<Uint8Array>, stream: ReturnType<typeof createGunzip>): Promise<void> {
  for await (const bytes of source) {
    if (stream.destroyed) return;
    if (!stream.write(bytes)) await drained(stream);
  }
  stream.end();
}

function drained(stream: ReturnType<typeof createGunzip>): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      for (const event of EVENTS) stream.off(event, settle);
      resolve();
    };
    for (const event of EVENTS) stream.on(event, settle);
  });
}

const EVENTS = ["drain", "close", "error"];
