import { errorFromValue } from "../../base/error-value.ts";
import type { WriterOrder, WriterReply, WriteStep } from "./write-order.ts";

/** Steps and bytes that go to the worker together: a message costs more than a small file. */
const BATCH_STEPS = 500;
const BATCH_BYTES = 1 << 20;
/** Batches that may wait for the worker; then the client is held back. */
const MAX_WAITING_BATCHES = 4;

/** Writes a directory by a worker of its own. */
export interface DirectoryWriter {
  /** A promise where there is much to do already. Throws what an earlier step failed with. */
  write(step: WriteStep): void | Promise<void>;
  /** All steps so far are done. Rejects with the first that failed. */
  settle(): Promise<void>;
  /** The worker ends; its files are closed. Never rejects. */
  close(): Promise<void>;
}

/** `onDigest` is told the digest of each file that is complete. The worker is confined to the directory, and thrown away. */
export function createDirectoryWriter(
  directory: string,
  onDigest: (id: number, digest: string) => void,
): DirectoryWriter {
  /** Started by the first step: where nothing changes there is none. */
  let worker: Worker | undefined;
  /** One for each order that has no answer yet, in turn. */
  const waiting: { resolve: () => void; promise: Promise<void> }[] = [];
  let failure: Error | undefined;
  let hasDied = false;
  let steps: WriteStep[] = [];
  let bytes = 0;
  const start = (): Worker => {
    const started = new Worker(new URL("./directory-writer-worker.ts", import.meta.url));
    started.onmessage = ({ data }: MessageEvent<WriterReply>) => {
      if ("failed" in data) failure ??= errorFromValue(data.failed);
      else for (const [id, digest] of data.digests) onDigest(id, digest);
      waiting.shift()?.resolve();
    };
    started.onerror = ({ message }) => {
      failure ??= new Error(`directory writer: ${message}`);
      hasDied = true;
      for (const { resolve } of waiting.splice(0)) resolve();
    };
    return started;
  };
  const send = (order: WriterOrder) => {
    if (worker === undefined) {
      worker = start();
      waiting.push(Promise.withResolvers<void>());
      worker.postMessage({ directory } satisfies WriterOrder);
    }
    waiting.push(Promise.withResolvers<void>());
    worker.postMessage(order);
  };
  const flush = () => {
    if (steps.length > 0) send({ steps });
    steps = [];
    bytes = 0;
  };
  return {
    write(step) {
      if (failure !== undefined) throw failure;
      steps.push(step);
      if ("data" in step) bytes += step.data.length;
      if (steps.length < BATCH_STEPS && bytes < BATCH_BYTES) return undefined;
      flush();
      return waiting.length > MAX_WAITING_BATCHES ? waiting[0]?.promise : undefined;
    },
    async settle() {
      flush();
      await waiting.at(-1)?.promise;
      if (failure !== undefined) throw failure;
    },
    async close() {
      steps = [];
      if (worker === undefined) return;
      // After a failure it still closes what it has open; one that has died has nothing.
      if (!hasDied) send({ end: true });
      await waiting.at(-1)?.promise;
      worker.terminate();
    },
  };
}
