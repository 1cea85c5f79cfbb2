import { type Compression, detectCompression } from "../../formats/oci/media-types.ts";
import { hostDecompressor } from "../../kernel/archive-tools.ts";
import { inflate } from "../../storage/snapshots/unpack/inflate.ts";

/** The plain archive, whatever it was compressed with: gzip and zstd here, xz and bzip2 by the host's own programs. */
export async function decompressArchive(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const iterator = source[Symbol.asyncIterator]();
  const first = await iterator.next();
  const head = first.done === true ? new Uint8Array() : first.value;
  const whole = rejoin(head, iterator);
  const compression: Compression | "xz" | "bzip2" = detectCompression(head);
  if (compression === "xz" || compression === "bzip2") return hostDecompressor(compression, whole, signal);
  return compression === "none" ? whole : inflate(whole, compression);
}

/** What was taken from an iterator, and the rest of it. */
export async function* rejoin(head: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield head;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
