/**
 * One job for any number of callers who want the same. The job's own signal is aborted when the last of them has given up, so that
 * nobody's leaving harms the rest; a caller who gives up gets his signal's reason at once.
 */
export class SharedJobs<T> {
  readonly #jobs = new Map<string, { result: Promise<T>; abort: AbortController; callers: number }>();

  /** Joins the job of `key`, or starts it. */
  run(key: string, signal: AbortSignal, start: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const known = this.#jobs.get(key);
    const job = known !== undefined && !known.abort.signal.aborted ? known : this.#start(key, start);
    job.callers++;
    return new Promise<T>((resolve, reject) => {
      const leave = () => {
        if (--job.callers === 0) job.abort.abort(signal.reason);
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", leave, { once: true });
      job.result.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
    });
  }

  has(key: string): boolean {
    return this.#jobs.has(key);
  }

  #start(key: string, start: (signal: AbortSignal) => Promise<T>) {
    const abort = new AbortController();
    const job = { result: start(abort.signal), abort, callers: 0 };
    this.#jobs.set(key, job);
    const forget = () => {
      if (this.#jobs.get(key) === job) this.#jobs.delete(key);
    };
    job.result.then(forget, forget);
    return job;
  }
}
