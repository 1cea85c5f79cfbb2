import { open } from "node:fs/promises";
import type { Blob } from "../../storage/content/content.ts";

/** Bytes read from a blob at once. */
const CHUNK_BYTES = 1 << 20;

/** All of a blob, which the caller holds. */
export async function* blobBytes(
  { path, sizeBytes }: Pick<Blob, "path" | "sizeBytes">,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const file = await open(path, "r");
  try {
    for (let offset = 0; offset < sizeBytes; ) {
      signal.throwIfAborted();
      const buffer = new Uint8Array(Math.min(CHUNK_BYTES, sizeBytes - offset));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
      if (bytesRead === 0) throw new Error(`${path} is shorter than it was`);
      offset += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
