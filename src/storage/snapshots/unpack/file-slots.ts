import { BATCH_BYTES, FileBatch } from "./file-batch.ts";

/** One is being filled, one is being written, and one each way for when the two threads are not equally fast. */
export const SLOTS = 4;
const HEADER_WORDS = 16;
/** Words of the header; the slots' states come first. */
const [WORK, READY, STOP] = [SLOTS, SLOTS + 1, SLOTS + 2];

/** FREE is the filling thread's; FULL: whoever turns it BUSY first makes the files, which are then DONE, with their outcomes. */
export const [FREE, FULL, BUSY, DONE] = [0, 1, 2, 3];

/**
 * Batches of small files between the thread that reads an archive and one that helps it to make them. The first fills, collects and
 * decides; the second, once it is ready, only takes what is FULL.
 */
export class FileSlots {
  readonly shared: SharedArrayBuffer;
  readonly batches: FileBatch[];
  readonly #words: Int32Array<SharedArrayBuffer>;

  constructor(shared = new SharedArrayBuffer(HEADER_WORDS * 4 + SLOTS * BATCH_BYTES)) {
    this.shared = shared;
    this.#words = new Int32Array(shared, 0, HEADER_WORDS);
    const offset = (slot: number) => HEADER_WORDS * 4 + slot * BATCH_BYTES;
    this.batches = Array.from({ length: SLOTS }, (_, slot) => new FileBatch(shared, offset(slot)));
  }

  state(slot: number): number {
    return Atomics.load(this.#words, slot);
  }

  /** A slot that was DONE, and whose outcomes have been looked at. */
  free(slot: number): void {
    Atomics.store(this.#words, slot, FREE);
  }

  /** A slot of the caller's own is FULL now: it was being filled, or the caller could not make its files. */
  give(slot: number): void {
    Atomics.store(this.#words, slot, FULL);
    Atomics.notify(this.#words, slot);
    this.#wakeWriter();
  }

  /** Whether the caller may make the files of this slot: it was FULL, and nobody else was quicker. */
  take(slot: number): boolean {
    return Atomics.compareExchange(this.#words, slot, FULL, BUSY) === FULL;
  }

  done(slot: number): void {
    Atomics.store(this.#words, slot, DONE);
    Atomics.notify(this.#words, slot);
  }

  /** Until the other thread, which has no more than MAX_BATCH_FILES to make, is done with this slot. */
  waitWhileBusy(slot: number): void {
    while (this.state(slot) === BUSY) Atomics.wait(this.#words, slot, BUSY);
  }

  get writerIsReady(): boolean {
    return Atomics.load(this.#words, READY) === 1;
  }

  /** By the second thread, which from now on looks for work. */
  setReady(): void {
    Atomics.store(this.#words, READY, 1);
  }

  /** No more is made by the second thread than what it is at. */
  stop(): void {
    Atomics.store(this.#words, STOP, 1);
    this.#wakeWriter();
  }

  /** For the second thread: a slot that is now BUSY, waiting for it; undefined when it is to stop. */
  nextFull(): number | undefined {
    for (;;) {
      const work = Atomics.load(this.#words, WORK);
      if (Atomics.load(this.#words, STOP) === 1) return undefined;
      for (let slot = 0; slot < SLOTS; slot++) if (this.take(slot)) return slot;
      Atomics.wait(this.#words, WORK, work);
    }
  }

  #wakeWriter(): void {
    Atomics.add(this.#words, WORK, 1);
    Atomics.notify(this.#words, WORK);
  }
}
