import type { Clock } from "../../base/clock.ts";
import { EngineError, invalid } from "../../base/errors.ts";
import { algorithmOf, createDigestStream, type Digest } from "../../formats/oci/digest.ts";
import type { Descriptor } from "../../formats/oci/descriptor.ts";
import { connectionError } from "../../registry/client/connection-error.ts";
import type { Repository } from "../../registry/client/registry-client.ts";
import { retrying } from "../../registry/client/retry.ts";

/** Time for a small blob to arrive whole, however often it is asked for. */
const TIMEOUT_MS = 60_000;

export interface BlobReader {
  repository: Pick<Repository, "blob">;
  clock: Pick<Clock, "sleep">;
}

/** A small blob, verified. Throws invalid-argument when it is not what the descriptor says. */
export async function readBlob(
  { repository, clock }: BlobReader,
  descriptor: Pick<Descriptor, "digest" | "sizeBytes">,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const late = AbortSignal.timeout(TIMEOUT_MS);
  const both = AbortSignal.any([signal, late]);
  try {
    return await retrying({ clock }, both, () => readOnce(repository, descriptor, both));
  } catch (error) {
    signal.throwIfAborted();
    if (!late.aborted) throw error;
    throw new EngineError("unavailable", `blob ${descriptor.digest} did not arrive in time`, { cause: error });
  }
}

async function readOnce(
  repository: Pick<Repository, "blob">,
  { digest, sizeBytes }: Pick<Descriptor, "digest" | "sizeBytes">,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { body } = await repository.blob(digest, { offset: 0, sizeBytes, signal });
  const chunks: Uint8Array[] = [];
  const hash = createDigestStream(algorithmOf(digest));
  try {
    for await (const chunk of body) {
      hash.update(chunk);
      if (hash.sizeBytes > sizeBytes) throw invalid(`blob ${digest} is longer than the ${sizeBytes} bytes announced`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof EngineError ? error : connectionError(blobRequest(digest), error);
  }
  if (hash.sizeBytes !== sizeBytes || hash.digest() !== digest) throw invalid(`blob ${digest}: wrong size or digest`);
  return Buffer.concat(chunks);
}

/** How a blob is called in a message: which server it came from is not known any more. */
export function blobRequest(digest: Digest): { method: string; url: string } {
  return { method: "GET", url: `blob:${digest}` };
}
