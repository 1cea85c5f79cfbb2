import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "../../../formats/oci/digest.ts";
import { readStream } from "../http/read-stream.ts";
import type { Storage } from "../storage/storage.ts";
import type { UpstreamBlob } from "./upstream.ts";

/** The upstream may be silent so long in the middle of a blob. */
const STALL_MS = 60_000;
const READ_BYTES = 1 << 20;
/** Kept back from readers until the digest is right: nobody gets all bytes of a blob that is not what it should be. */
const HELD_BACK_BYTES = 1;

/** A blob on its way from the upstream into the storage, which any number of clients read behind the writer. */
export interface Download {
  /** undefined: not known before it is done. */
  sizeBytes: number | undefined;
  /** Resolves when the blob is in the storage; rejects when it never will be. */
  done: Promise<void>;
  read(start: number, end: number): ReadableStream<Uint8Array>;
}

export async function startDownload(
  storage: Storage,
  place: { repository: string; digest: Digest },
  blob: UpstreamBlob,
): Promise<Download> {
  const { repository, digest } = place;
  const id = await storage.uploads.start(repository);
  const progress = createProgress();
  // Opened now: when the upload has become a blob, its name is gone, and readers go on with the file.
  const path = join(storage.layout.uploads(repository), id);
  const file = await open(path, "r");
  const body = counted(blob.body, (bytes) => progress.advance(bytes));
  const { sizeBytes } = blob;
  const length = sizeBytes === undefined ? {} : { lengthBytes: sizeBytes };
  const done = storage.uploads.commit(repository, id, { body, digest, ...length }).then(
    () => progress.finish(undefined),
    async (error: unknown) => {
      progress.finish(error);
      await storage.uploads.cancel(repository, id).catch(() => undefined);
      throw error;
    },
  );
  let readers = 1;
  const release = () => {
    if (--readers === 0) file.close().catch(() => undefined);
  };
  done.then(release, release);
  return {
    sizeBytes,
    done,
    read(start, end) {
      readers++;
      let position = start;
      const close = once(release);
      return new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            try {
              const last = await progress.reached(position, end);
              const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, last - position + 1));
              const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
              position += bytesRead;
              controller.enqueue(buffer.subarray(0, bytesRead));
              if (position <= end) return;
              close();
              controller.close();
            } catch (error) {
              close();
              controller.error(error);
            }
          },
          cancel: close,
        },
        { highWaterMark: 0 },
      );
    },
  };
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (!done) action();
    done = true;
  };
}

/** What has been written and may be read, for those who wait for it. */
function createProgress() {
  let written = 0;
  let finished = false;
  let failure: unknown;
  let waiters: (() => void)[] = [];
  const wake = () => {
    const woken = waiters;
    waiters = [];
    for (const waiter of woken) waiter();
  };
  return {
    advance(bytes: number): void {
      written += bytes;
      wake();
    },
    finish(error: unknown): void {
      finished = true;
      failure = error;
      wake();
    },
    /** The last byte, up to `end`, that may be read; at least `position`. Throws what the download failed with. */
    async reached(position: number, end: number): Promise<number> {
      for (;;) {
        if (failure !== undefined) throw failure;
        const last = finished ? end : Math.min(end, written - 1 - HELD_BACK_BYTES);
        if (last >= position) return last;
        await new Promise<void>((resolve) => waiters.push(resolve));
      }
    },
  };
}

/** Passes pieces on, and counts a piece when the next is asked for: then it has been written. */
async function* counted(
  body: ReadableStream<Uint8Array>,
  onWritten: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const piece of readStream(body, { stallMs: STALL_MS, stalled: () => new Error("the upstream stalls") })) {
    yield piece;
    onWritten(piece.length);
  }
}
