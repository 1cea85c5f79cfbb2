import { type ErrorValue, errorFromValue } from "../../../base/error-value.ts";
import { EngineError } from "../../../base/errors.ts";
import { createSemaphore } from "../../../base/semaphore.ts";
import type { Digest } from "../../../formats/oci/digest.ts";
import type { LinkedFiles, LinkOrigin } from "../links/link-origins.ts";
import type { LayerDirectories } from "../snapshots.ts";
import { breakHashPipe, type HashPipe } from "./hash-pipe.ts";

/** A layer's directory as the tar that it stands for. */
export interface Sealed {
  /** Of that tar, which `sealed` jobs of the pack workers write: sorted, so that the same files give the same. */
  diffId: Digest;
  archiveBytes: number;
  /** Sizes of regular files together, each file once. */
  fileBytes: number;
  /** Nothing was changed. */
  isEmpty: boolean;
  /** Where the files of `sources` that were linked may have been made. */
  linkedFrom: LinkOrigin[];
}

export interface SealRequest {
  root: string;
  /** Relative to `root`, the layer's own first. */
  layers: string[];
  /** Layers, lowest first, that are put into the layer's own before. */
  sources: LinkedFiles[];
  /** Of the layers below, where there are sources. */
  below: LinkedFiles[];
  stubs: string[];
  epochSeconds: number | undefined;
  /** Set to 1 by the main thread. */
  cancelled: Int32Array<SharedArrayBuffer>;
}

export type SealMessage = { id: number; request: SealRequest };
export type SealReply =
  | { id: number; sealed: Sealed }
  | { id: number; failed: ErrorValue }
  /** A large layer: another thread is to hash what comes through. The answer follows. */
  | { id: number; hash: HashPipe };

export interface SealOptions {
  /** Mount points that were made for a start, absolute or relative: they go where they are empty and new. */
  stubs: string[];
  /** Later modification times become this one. */
  epochSeconds: number | undefined;
  /** Committed layers, lowest first, whose files are put into the layer before, by hard links where the tree has no name of them. */
  sources?: LinkedFiles[];
  signal: AbortSignal;
}

export interface SealedDirectories extends LayerDirectories {
  /** The layers below the own one. */
  below: LinkedFiles[];
}

/** Layers sealed at once: hashing takes a core. */
const MAX_PARALLEL = 2;

export interface Sealer {
  /**
   * Tidies the topmost directory (see `tidyLayer`) and hashes it. Nothing may be mounted or written there. Throws when the signal is
   * aborted; then the directory is as before or tidied in part.
   */
  seal(directories: SealedDirectories, options: SealOptions): Promise<Sealed>;
  close(): void;
}

/** Threads are started when they are needed first and kept: sealing a small layer takes less than starting one. */
export function createSealer(): Sealer {
  const idle: SealThread[] = [];
  const slots = createSemaphore(MAX_PARALLEL);
  let closed = false;
  return {
    seal: ({ root, layers, below }, { stubs, epochSeconds, sources = [], signal }) =>
      slots.run(async () => {
        signal.throwIfAborted();
        const thread = idle.pop() ?? new SealThread();
        const cancelled = new Int32Array(new SharedArrayBuffer(4));
        const cancel = () => void Atomics.store(cancelled, 0, 1);
        signal.addEventListener("abort", cancel, { once: true });
        try {
          const relative = stubs.map((path) => path.split("/").filter(Boolean).join("/"));
          return await thread.run({
            root,
            layers,
            sources,
            below: sources.length === 0 ? [] : below,
            stubs: relative,
            epochSeconds,
            cancelled,
          });
        } finally {
          signal.removeEventListener("abort", cancel);
          signal.throwIfAborted();
          if (closed) thread.end();
          else if (thread.isAlive) idle.push(thread);
        }
      }, signal),
    close() {
      closed = true;
      for (const thread of idle.splice(0)) thread.end();
    },
  };
}

/** One request at a time. */
class SealThread {
  readonly #worker = new Worker(new URL("./seal-worker.ts", import.meta.url));
  #waiting: { id: number; resolve(sealed: Sealed): void; reject(error: Error): void } | undefined;
  #hasher: Worker | undefined;
  #lastId = 0;
  isAlive = true;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<SealReply>) => {
      if ("hash" in data) return this.#hash(data.hash);
      const waiting = this.#waiting;
      if (waiting?.id !== data.id) return;
      this.#waiting = undefined;
      this.#worker.unref();
      if ("sealed" in data) waiting.resolve(data.sealed);
      else waiting.reject(errorFromValue(data.failed));
    };
    this.#worker.onerror = ({ message }) => {
      this.end();
      this.#waiting?.reject(new EngineError("internal", `seal worker: ${message}`));
      this.#waiting = undefined;
    };
    this.#worker.unref();
  }

  run(request: SealRequest): Promise<Sealed> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting = { id, resolve, reject };
      this.#worker.ref();
      this.#worker.postMessage({ id, request } satisfies SealMessage);
    });
  }

  /** The thread for it is kept like this one. What it fails with, the seal worker finds out. */
  #hash(pipe: HashPipe): void {
    const hasher = this.#hasher ?? new Worker(new URL("./hash-worker.ts", import.meta.url));
    this.#hasher = hasher;
    hasher.onerror = () => {
      this.#hasher = undefined;
      hasher.terminate();
      breakHashPipe(pipe);
    };
    hasher.unref();
    hasher.postMessage(pipe);
  }

  end(): void {
    this.isAlive = false;
    this.#worker.terminate();
    this.#hasher?.terminate();
  }
}
