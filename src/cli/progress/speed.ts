/** Looked at for the speed: long enough for bursts to even out, short enough to follow a change. */
const WINDOW_MS = 5000;
/** Before that much has been seen there is no speed to speak of. */
const MIN_SPAN_MS = 300;
/** Samples closer than this say nothing new; bounds what is kept. */
const MIN_GAP_MS = 50;

/** Bytes a second over the last seconds. `totalBytes`: all so far. */
export class Speed {
  readonly #samples: { atMs: number; totalBytes: number }[] = [];

  /** Takes a sample and returns the speed; 0 while nothing can be said. */
  sample(atMs: number, totalBytes: number): number {
    const [before, last] = this.#samples.slice(-2);
    if (before !== undefined && last !== undefined && last.atMs - before.atMs < MIN_GAP_MS) this.#samples.pop();
    this.#samples.push({ atMs, totalBytes });
    while (this.#samples.length > 2 && atMs - (this.#samples[1]?.atMs ?? 0) >= WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0];
    if (first === undefined || atMs - first.atMs < MIN_SPAN_MS) return 0;
    return ((totalBytes - first.totalBytes) / (atMs - first.atMs)) * 1000;
  }
}
