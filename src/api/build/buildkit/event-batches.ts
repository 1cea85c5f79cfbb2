/** Events of one message, and bytes of output in it: gRPC clients take 4 MiB. */
const MAX_EVENTS = 64;
const MAX_BYTES = 1024 * 1024;

/**
 * Gives together what is there at once: a build that says much costs few messages, and nothing waits. Ends its source when it is
 * ended itself. `sizeOf`: bytes of output that an event carries.
 */
export async function* eventBatches<T>(
  source: AsyncIterable<T>,
  sizeOf: (event: T) => number = () => 0,
): AsyncGenerator<T[]> {
  const iterator = source[Symbol.asyncIterator]();
  let pending: Promise<IteratorResult<T>> | undefined;
  try {
    for (;;) {
      const batch: T[] = [];
      let size = 0;
      let next: IteratorResult<T> | undefined = await (pending ?? iterator.next());
      pending = undefined;
      while (next !== undefined && next.done !== true) {
        batch.push(next.value);
        size += sizeOf(next.value);
        if (batch.length >= MAX_EVENTS || size >= MAX_BYTES) break;
        pending = iterator.next();
        next = await readyNow(pending);
        if (next !== undefined) pending = undefined;
      }
      if (batch.length > 0) yield batch;
      if (next?.done === true) return;
    }
  } finally {
    pending?.catch(() => undefined);
    await iterator.return?.();
  }
}

/** What the promise has become before the event loop's next turn; undefined: nothing yet, or an error, which can wait as long. */
function readyNow<T>(promise: Promise<T>): Promise<T | undefined> {
  const turn = new Promise<undefined>((resolve) => {
    setImmediate(() => resolve(undefined));
  });
  return Promise.race([promise.catch(() => undefined), turn]);
}
