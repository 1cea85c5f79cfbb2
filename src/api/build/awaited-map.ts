/** A map whose readers may come before what they ask for: the requests of one build come over several connections, in any order. */
export class AwaitedMap<T> {
  readonly #values = new Map<string, T>();
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #arrivalMs: number;

  /** `arrivalMs`: how long a reader waits. */
  constructor(arrivalMs: number) {
    this.#arrivalMs = arrivalMs;
  }

  get size(): number {
    return this.#values.size;
  }

  has(id: string): boolean {
    return this.#values.has(id);
  }

  set(id: string, value: T): void {
    this.#values.set(id, value);
    for (const wake of this.#waiting.get(id) ?? []) wake();
  }

  delete(id: string): void {
    this.#values.delete(id);
  }

  /** What is there, or comes within a moment; undefined: nothing came, or the signal was aborted. */
  async wait(id: string, signal: AbortSignal): Promise<T | undefined> {
    if (!this.#values.has(id) && !signal.aborted) await this.#arrival(id, signal);
    return this.#values.get(id);
  }

  #arrival(id: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const readers = this.#waiting.get(id) ?? new Set();
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        readers.delete(done);
        if (readers.size === 0) this.#waiting.delete(id);
        resolve();
      };
      const timer = setTimeout(done, this.#arrivalMs);
      this.#waiting.set(id, readers.add(done));
      signal.addEventListener("abort", done);
    });
  }
}
