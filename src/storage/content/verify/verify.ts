import type { Digest } from "../../../formats/oci/digest.ts";
import type { Blob } from "../content.ts";

export interface VerifyRequest {
  blobs: Blob[];
  /** Set to 1 by the main thread. */
  cancelled: Int32Array<SharedArrayBuffer>;
}

export interface BlobFault {
  digest: Digest;
  /** A sentence without its object: `is missing`. */
  fault: string;
}

export type VerifyReply = { readBytes: number } | { found: BlobFault } | { done: true } | { error: string };

/** Threads that read: the disk and two cores are full with two. */
const THREADS = 2;

/** Reads every blob and compares it with its digest and size. `advance`: bytes read since the last call. */
export async function verifyBlobs(
  blobs: Blob[],
  { advance, signal }: { advance: (bytes: number) => void; signal: AbortSignal },
): Promise<BlobFault[]> {
  const shares = deal(blobs, THREADS).filter((share) => share.length > 0);
  return (await Promise.all(shares.map((share) => verifyShare(share, { advance, signal })))).flat();
}

/** The largest first, each to whoever has the least. */
function deal(blobs: Blob[], hands: number): Blob[][] {
  const shares = Array.from({ length: hands }, () => ({ blobs: [] as Blob[], bytes: 0 }));
  for (const blob of blobs.toSorted((left, right) => right.sizeBytes - left.sizeBytes)) {
    const least = shares.reduce((best, share) => (share.bytes < best.bytes ? share : best));
    least.blobs.push(blob);
    least.bytes += blob.sizeBytes;
  }
  return shares.map((share) => share.blobs);
}

async function verifyShare(
  blobs: Blob[],
  { advance, signal }: { advance: (bytes: number) => void; signal: AbortSignal },
): Promise<BlobFault[]> {
  signal.throwIfAborted();
  const cancelled = new Int32Array(new SharedArrayBuffer(4));
  const cancel = () => Atomics.store(cancelled, 0, 1);
  signal.addEventListener("abort", cancel, { once: true });
  const worker = new Worker(new URL("./verify-worker.ts", import.meta.url));
  const faults: BlobFault[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<VerifyReply>) => {
        if ("readBytes" in data) advance(data.readBytes);
        else if ("found" in data) faults.push(data.found);
        else if ("done" in data) resolve();
        else reject(new Error(data.error));
      };
      worker.onerror = ({ message }) => reject(new Error(`verify worker: ${message}`));
      worker.postMessage({ blobs, cancelled } satisfies VerifyRequest);
    });
    return faults;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", cancel);
    worker.terminate();
  }
}
