/** Runs the jobs of one key one after the other, those of different keys at once. A failed job does not stop the next. */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<unknown>>();

  run<T>(key: string, job: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const result = before === undefined ? job() : before.then(job, job);
    const tail = result
      .catch(() => undefined)
      .finally(() => {
        if (this.#tails.get(key) === tail) this.#tails.delete(key);
      });
    this.#tails.set(key, tail);
    return result;
  }

  /** Whether work for the key is under way, or waits. */
  has(key: string): boolean {
    return this.#tails.has(key);
  }

  /** Keys with work under way; zero when idle. */
  get size(): number {
    return this.#tails.size;
  }
}
