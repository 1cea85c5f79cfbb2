import type { HistoryChange } from "../builder.ts";

/** Builds whose last change a reader has not read yet; what was longest unread goes. */
const MAX_UNREAD = 1000;

/** Tells readers of changes. Of one build a newer change takes the place of one that was not read. */
export class HistoryWatch {
  readonly #readers = new Set<(change: HistoryChange) => void>();

  tell(change: HistoryChange): void {
    for (const reader of this.#readers) reader(change);
  }

  /** From the call on: nothing is missed that happens before the first is read. Ends with the signal. */
  changes(signal: AbortSignal): AsyncIterable<HistoryChange> {
    const unread = new Map<string, HistoryChange>();
    let wake = Promise.withResolvers<void>();
    const reader = (change: HistoryChange) => {
      unread.delete(change.record.ref);
      unread.set(change.record.ref, change);
      const [oldest] = unread.keys();
      if (unread.size > MAX_UNREAD && oldest !== undefined) unread.delete(oldest);
      wake.resolve();
    };
    this.#readers.add(reader);
    const onAbort = () => {
      this.#readers.delete(reader);
      wake.resolve();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    const readers = this.#readers;
    return (async function* read() {
      try {
        for (;;) {
          for (const [ref, change] of unread) {
            unread.delete(ref);
            yield change;
          }
          if (signal.aborted) return;
          await wake.promise;
          wake = Promise.withResolvers();
        }
      } finally {
        signal.removeEventListener("abort", onAbort);
        readers.delete(reader);
      }
    })();
  }
}
