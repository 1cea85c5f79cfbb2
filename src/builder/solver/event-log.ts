import type { BuildEvent } from "../events.ts";

/** Output of one build that late readers still get; older output goes first. */
export const KEPT_LOG_BYTES = 16 << 20;
/** Events of one build that are kept, each at least this many bytes: a flood of tiny ones is bounded, too. */
const EVENT_BYTES = 256;
/** Things that progress is told of. */
const MAX_PROGRESS = 4096;

interface Kept {
  sequence: number;
  /** undefined: a newer one says it all. */
  event: BuildEvent | undefined;
}

/**
 * What has happened in one build. Readers come and go, each gets everything that is still known and then what follows. A newer state of
 * the same thing takes the place of the older one, so that a reader who is behind reads less; the first word of a vertex stays where
 * it was, since others refer to it.
 */
export class EventLog {
  #entries: Kept[] = [];
  #dead = 0;
  #next = 0;
  #logBytes = 0;
  /** Sequence numbers of what a newer event may replace, by what it is of. */
  readonly #latest = new Map<string, number>();
  readonly #introduced = new Set<string>();
  #progressCount = 0;
  #isOver = false;
  #wake = Promise.withResolvers<void>();

  readonly #limitBytes: number;

  constructor(limitBytes = KEPT_LOG_BYTES) {
    this.#limitBytes = limitBytes;
  }

  push(event: BuildEvent): void {
    if (this.#isOver) return;
    const key = this.#stateOf(event);
    const sequence = this.#next++;
    this.#entries.push({ sequence, event });
    if (key !== undefined) this.#supersede(key, sequence);
    if (event.kind === "log") this.#countLog(event.data.length + EVENT_BYTES);
    const { resolve } = this.#wake;
    this.#wake = Promise.withResolvers();
    resolve();
  }

  /** Nothing follows: readers come to their end. */
  end(): void {
    this.#isOver = true;
    this.#wake.resolve();
  }

  /** What is still known, oldest first. */
  kept(): BuildEvent[] {
    return this.#entries.flatMap(({ event }) => event ?? []);
  }

  async *read(signal: AbortSignal): AsyncGenerator<BuildEvent> {
    const gone = Promise.withResolvers<void>();
    const leave = () => gone.resolve();
    signal.addEventListener("abort", leave, { once: true });
    try {
      for (let sequence = 0; !signal.aborted; ) {
        const woken = this.#wake.promise;
        const isOver = this.#isOver;
        for (let kept = this.#from(sequence); kept !== undefined; kept = this.#from(sequence)) {
          sequence = kept.sequence + 1;
          if (kept.event !== undefined) yield kept.event;
          if (signal.aborted) return;
        }
        if (isOver) return;
        await Promise.race([woken, gone.promise]);
      }
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }

  /** The first entry at or after a sequence number. */
  #from(sequence: number): Kept | undefined {
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#entries[middle] as Kept).sequence < sequence) low = middle + 1;
      else high = middle;
    }
    return this.#entries[low];
  }

  /** What an event is the newest state of; undefined: it stands for itself. */
  #stateOf(event: BuildEvent): string | undefined {
    if (event.kind === "vertex") {
      const { digest } = event.vertex;
      if (this.#introduced.has(digest)) return `vertex ${digest}`;
      this.#introduced.add(digest);
      return undefined;
    }
    if (event.kind !== "progress") return undefined;
    const key = `progress ${event.vertex} ${event.id}`;
    if (!this.#latest.has(key) && ++this.#progressCount > MAX_PROGRESS) return "progress of the rest";
    return key;
  }

  #supersede(key: string, sequence: number): void {
    const before = this.#latest.get(key);
    this.#latest.set(key, sequence);
    if (before === undefined) return;
    const kept = this.#from(before);
    if (kept?.sequence === before) this.#drop(kept);
  }

  #countLog(bytes: number): void {
    this.#logBytes += bytes;
    if (this.#logBytes <= this.#limitBytes) return;
    // A quarter at once: dropping one by one would walk the list again and again.
    for (const kept of this.#entries) {
      if (this.#logBytes <= this.#limitBytes * 0.75) break;
      if (kept.event?.kind !== "log") continue;
      this.#logBytes -= kept.event.data.length + EVENT_BYTES;
      this.#drop(kept);
    }
  }

  #drop(kept: Kept): void {
    kept.event = undefined;
    if (++this.#dead < 1024 || this.#dead < this.#entries.length / 2) return;
    this.#entries = this.#entries.filter(({ event }) => event !== undefined);
    this.#dead = 0;
  }
}
