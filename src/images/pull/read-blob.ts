import { EngineError, invalid } from "../../base/errors.ts";
import { algorithmOf, createDigestStream } from "../../formats/oci/digest.ts";
import type { Descriptor } from "../../formats/oci/descriptor.ts";
import type { Repository } from "../../registry/client/registry-client.ts";

/** Time for a small blob to arrive whole. */
const TIMEOUT_MS = 60_000;

/** A small blob, verified. Throws invalid-argument when it is not what the descriptor says. */
export async function readBlob(
  repository: Pick<Repository, "blob">,
  { digest, sizeBytes }: Pick<Descriptor, "digest" | "sizeBytes">,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const both = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const chunks: Uint8Array[] = [];
  const hash = createDigestStream(algorithmOf(digest));
  try {
    const { body } = await repository.blob(digest, { offset: 0, signal: both });
    for await (const chunk of body) {
      hash.update(chunk);
      if (hash.sizeBytes > sizeBytes) throw invalid(`blob ${digest} is longer than the ${sizeBytes} bytes announced`);
      chunks.push(chunk);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (both.aborted) throw new EngineError("unavailable", `blob ${digest} did not arrive in time`, { cause: error });
    throw error;
  }
  if (hash.sizeBytes !== sizeBytes || hash.digest() !== digest) throw invalid(`blob ${digest}: wrong size or digest`);
  return Buffer.concat(chunks);
}
