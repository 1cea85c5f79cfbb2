import { invalid } from "../../../base/errors.ts";
import { algorithmOf, createDigestStream, type Digest } from "../../../formats/oci/digest.ts";
import type { PreparedLayer } from "../../../images/store.ts";
import type { LayerRow } from "../../../storage/records/images.ts";
import type { ClientLayouts } from "../../session.ts";
import type { OutputsDeps } from "../export-context.ts";

/** All of a blob that a client keeps. Throws invalid-argument for one that is longer, or not what its digest says. */
export async function readVerified(
  source: AsyncIterable<Uint8Array>,
  { digest, limitBytes }: { digest: Digest; limitBytes: number },
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const hash = createDigestStream(algorithmOf(digest));
  for await (const bytes of source) {
    hash.update(bytes);
    if (hash.sizeBytes > limitBytes) throw invalid(`blob ${digest} is longer than ${limitBytes} bytes`);
    parts.push(bytes);
  }
  if (hash.digest() !== digest) throw invalid(`blob ${digest}: wrong digest`);
  return Buffer.concat(parts);
}

/** A layer that a client keeps, into content; verified and unpacked. */
export async function fetchFromClient(
  { content, images }: Pick<OutputsDeps, "content" | "images">,
  { layouts, id, layer }: { layouts: ClientLayouts; id: string; layer: LayerRow },
  signal: AbortSignal,
): Promise<PreparedLayer> {
  const { digest, sizeBytes } = layer;
  const algorithm = algorithmOf(digest);
  const known = content.stat(digest);
  if (known !== undefined) return images.store.prepare(known.path, { signal, algorithm });
  const ingest = await content.ingest(algorithm);
  try {
    for await (const bytes of layouts.read(id, digest, signal)) {
      if (ingest.sizeBytes + bytes.length > sizeBytes)
        throw invalid(`blob ${digest} is longer than ${sizeBytes} bytes`);
      await ingest.write(bytes);
    }
    const { path } = await ingest.commit({ digest, sizeBytes });
    return await images.store.prepare(path, { signal, algorithm });
  } catch (error) {
    await ingest.abort();
    throw error;
  }
}
