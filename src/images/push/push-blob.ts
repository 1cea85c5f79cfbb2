import { open } from "node:fs/promises";
import type { Digest } from "../../formats/oci/digest.ts";
import type { Repository, UploadSource } from "../../registry/client/registry-client.ts";
import type { Blob } from "../../storage/content/content.ts";

const CHUNK_BYTES = 1 << 20;

export type PushedBlob = { how: "exists" | "uploaded" } | { how: "mounted"; from: string };

export interface PushBlobOptions {
  /** Repositories of the same registry that are known to have the blob. */
  sources: string[];
  onBytes: (sentBytes: number) => void;
  signal: AbortSignal;
}

/** Brings a blob to a repository in the cheapest way there is. */
export async function pushBlob(
  repository: Pick<Repository, "hasBlob" | "mount" | "upload">,
  blob: Blob,
  { sources, onBytes, signal }: PushBlobOptions,
): Promise<PushedBlob> {
  if (await repository.hasBlob(blob.digest, signal)) return { how: "exists" };
  for (const from of sources) {
    // Not being allowed to see the other repository is no reason not to push.
    const mounted = await repository.mount(blob.digest, from, signal).catch(() => false);
    signal.throwIfAborted();
    if (mounted) return { how: "mounted", from };
  }
  await repository.upload(blob.digest, fileSource(blob, onBytes), signal);
  return { how: "uploaded" };
}

function fileSource(
  { path, sizeBytes }: { path: string; sizeBytes: number; digest: Digest },
  onBytes: (sent: number) => void,
): UploadSource {
  return {
    sizeBytes,
    async *from(offset) {
      const file = await open(path, "r");
      try {
        for (let position = offset; position < sizeBytes; ) {
          const buffer = new Uint8Array(Math.min(CHUNK_BYTES, sizeBytes - position));
          const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
          if (bytesRead === 0) throw new Error(`${path} is shorter than it was`);
          position += bytesRead;
          yield buffer.subarray(0, bytesRead);
          onBytes(position);
        }
      } finally {
        await file.close();
      }
    },
  };
}
