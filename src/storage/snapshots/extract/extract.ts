import { type ErrorValue, errorFromValue } from "../../../base/error-value.ts";
import { invalid } from "../../../base/errors.ts";
import type { RootView } from "../../../kernel/root-view.ts";
import type { PlacerOptions } from "./placer.ts";

/** `path`: absolute, a directory, links followed. */
export interface ExtractRequest extends PlacerOptions {
  view: RootView;
  /** Nothing may be written on the file system of the root itself. */
  readOnlyRoot: boolean;
}

/** To the worker, in turn: the request, pieces of the plain archive, its end; or the end of all. */
export type ExtractOrder = { begin: ExtractRequest } | { bytes: Uint8Array } | { finish: true } | { cancel: true };
/** One for each order. */
export type ExtractReply = { done: true } | { failed: ErrorValue };

/** An archive of which nothing comes for so long is given up: a stopped container waits for it. */
const STALL_MS = 300_000;

/**
 * Extracts a plain tar archive into a view, by a worker of its own that has the view as its root. What was extracted before a
 * failure stays. Throws not-found, forbidden (read-only), invalid-argument, or what failed.
 */
export async function extract(
  request: ExtractRequest,
  archive: () => Promise<AsyncIterable<Uint8Array>>,
  signal: AbortSignal,
): Promise<void> {
  const worker = new Worker(new URL("./extract-worker.ts", import.meta.url));
  const ask = (order: ExtractOrder, transfer: ArrayBuffer[] = []) =>
    new Promise<ExtractReply>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<ExtractReply>) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(`extract worker: ${message}`));
      worker.postMessage(order, transfer);
    });
  const order = async (wanted: ExtractOrder, transfer?: ArrayBuffer[]) => {
    const reply = await ask(wanted, transfer);
    if ("failed" in reply) throw errorFromValue(reply.failed);
  };
  let open = false;
  try {
    // A failed order has given everything back already.
    await order({ begin: request });
    open = true;
    for await (const bytes of unstalled(await archive())) {
      signal.throwIfAborted();
      // A copy: a Buffer's `slice` would be the same memory, which is given away.
      const own = new Uint8Array(bytes);
      open = false;
      await order({ bytes: own }, [own.buffer]);
      open = true;
    }
    signal.throwIfAborted();
    open = false;
    await order({ finish: true });
  } finally {
    if (open) await ask({ cancel: true });
    worker.terminate();
  }
}

/** Ends with an error when the next piece does not come. The source may hang for good: it is told to end, not waited for. */
async function* unstalled(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await inTime(iterator.next());
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    iterator.return?.(undefined)?.catch(() => undefined);
  }
}

async function inTime<T>(waited: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(invalid("the archive did not arrive in time")), STALL_MS);
  try {
    return await Promise.race([waited, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
