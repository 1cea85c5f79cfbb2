import { type ErrorValue, errorFromValue } from "../../../base/error-value.ts";
import type { RootView } from "../../../kernel/root-view.ts";
import type { Change } from "../changes/layer-changes.ts";
import type { PathStatus } from "./path-status.ts";

/** What a worker is to read: plain data. */
export type PackJob =
  /** What is at an absolute path; a trailing slash or "/." means the directory. */
  | { kind: "status"; view: RootView; path: string }
  /** The same, with an archive of it. `hidden`: names in the root that an archive of the root shows as empty. */
  | { kind: "path"; view: RootView; path: string; hidden: string[] }
  /** All of a view, names without a leading slash. */
  | { kind: "root"; view: RootView }
  /** The same as a part of an archive: each name behind `prefix` ("" or what ends in a slash), without what ends an archive. */
  | { kind: "part"; view: RootView; prefix: string; epochSeconds: number | undefined }
  /** What the topmost of the layers changes: a list, or a layer's archive. Layers are relative to `root`; see `walkChanges`. */
  | { kind: "changes" | "layer"; root: string; layers: string[]; stubs: string[] }
  /** The archive of a layer that was sealed, from its directory: the same bytes that were hashed then. */
  | { kind: "sealed"; root: string };

export interface PackRequest {
  job: PackJob;
  /** [0]: chunks taken by the reader; [1]: not 0 when nobody wants more. */
  flow: Int32Array<SharedArrayBuffer>;
}

export type PackMessage =
  | { found: PathStatus }
  | { changes: Change[] }
  | { chunk: Uint8Array<ArrayBuffer> }
  | { ended: true }
  | { failed: ErrorValue };

/** Chunks that may wait for the reader. */
export const MAX_WAITING_CHUNKS = 4;
/** A reader that takes nothing for so long is given up: it holds a thread, and files of a container. */
const STALL_MS = 300_000;
export const TAKEN = 0;
export const CANCELLED = 1;

/** Work that came to its point: what was found, and the bytes that follow. */
export interface Packing {
  found: PathStatus | undefined;
  changes: Change[];
  /** To be read to its end, or given back with `return`; the signal does that, too. */
  stream: AsyncIterableIterator<Uint8Array>;
  /** The worker has ended. Never rejects. */
  ended: Promise<void>;
}

/**
 * Runs a job in a worker of its own, which is thrown away. Resolves when the path was found, or the first bytes are there; rejects
 * with not-found, invalid-argument or what failed. No more than a few chunks are in memory, however slowly they are read.
 */
export function pack(job: PackJob, signal: AbortSignal): Promise<Packing> {
  return new Promise((resolve, reject) => {
    const flow = new Int32Array(new SharedArrayBuffer(8));
    const worker = new Worker(new URL("./pack-worker.ts", import.meta.url));
    const over = Promise.withResolvers<void>();
    const stream = new ChunkStream(flow, signal);
    const packing: Packing = { found: undefined, changes: [], stream, ended: over.promise };
    const end = (error: Error | undefined) => {
      worker.terminate();
      stream.end(error);
      over.resolve();
    };
    const point = () => resolve(packing);
    worker.onmessage = ({ data }: MessageEvent<PackMessage>) => {
      if ("found" in data) packing.found = data.found;
      else if ("changes" in data) packing.changes = data.changes;
      else if ("chunk" in data) stream.push(data.chunk);
      else if ("ended" in data) end(undefined);
      else {
        const error = errorFromValue(data.failed);
        reject(error);
        end(error);
      }
      point();
    };
    worker.onerror = ({ message }) => {
      const error = new Error(`pack worker: ${message}`);
      reject(error);
      end(error);
    };
    worker.postMessage({ job, flow } satisfies PackRequest);
  });
}

/** The worker ends by itself when it sees that it is cancelled: it has descriptors and mounts to give back first. */
class ChunkStream implements AsyncIterableIterator<Uint8Array> {
  readonly #flow: Int32Array<SharedArrayBuffer>;
  readonly #signal: AbortSignal;
  readonly #waiting: Uint8Array[] = [];
  #over: { error: unknown } | undefined;
  #wake: (() => void) | undefined;
  #stalled: ReturnType<typeof setTimeout> | undefined;
  readonly #cancel = () => {
    Atomics.store(this.#flow, CANCELLED, 1);
    // Changed, so that a worker which is about to wait for it does not.
    Atomics.add(this.#flow, TAKEN, 1);
    Atomics.notify(this.#flow, TAKEN);
  };

  constructor(flow: Int32Array<SharedArrayBuffer>, signal: AbortSignal) {
    this.#flow = flow;
    this.#signal = signal;
    if (signal.aborted) this.#cancel();
    else signal.addEventListener("abort", this.#cancel, { once: true });
  }

  push(chunk: Uint8Array): void {
    this.#waiting.push(chunk);
    this.#stalled ??= setTimeout(this.#cancel, STALL_MS);
    this.#notify();
  }

  end(error: unknown): void {
    if (this.#over !== undefined) return;
    this.#over = { error };
    clearTimeout(this.#stalled);
    this.#signal.removeEventListener("abort", this.#cancel);
    this.#notify();
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    for (;;) {
      const chunk = this.#waiting.shift();
      if (chunk !== undefined) {
        clearTimeout(this.#stalled);
        this.#stalled = this.#waiting.length > 0 ? setTimeout(this.#cancel, STALL_MS) : undefined;
        Atomics.add(this.#flow, TAKEN, 1);
        Atomics.notify(this.#flow, TAKEN);
        return { done: false, value: chunk };
      }
      if (this.#over?.error !== undefined) throw this.#over.error;
      if (this.#over !== undefined) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#waiting.length = 0;
    this.#cancel();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
