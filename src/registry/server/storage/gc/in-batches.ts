/** Files that are looked at in one go. */
const BATCH = 500;

/** Looking at a file takes microseconds, but there may be a million of them: requests are answered between two batches. */
export async function* inBatches<T>(items: readonly T[]): AsyncGenerator<T> {
  for (const [index, item] of items.entries()) {
    if (index % BATCH === 0) await new Promise((resume) => setImmediate(resume));
    yield item;
  }
}
