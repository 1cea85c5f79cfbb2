import type { TarEntry } from "../../../formats/tar/entry.ts";
import { EEXIST } from "../../../kernel/errno.ts";
import { outcomeErrno, outcomeError } from "../../../kernel/make-files.ts";
import { MAX_SMALL_FILE_BYTES } from "./file-batch.ts";
import { DONE, FileSlots, FREE, SLOTS } from "./file-slots.ts";

/** Fewer are made before another thread has started. */
const FILES_BEFORE_WRITER = 2000;

export interface SmallFilesOptions {
  /** Removes what is in a file's place, so that it can be made. */
  replace(path: Buffer): void;
  /** Starts a thread that helps, if one may be had; called once. */
  askForWriter?: ((shared: SharedArrayBuffer) => void) | undefined;
}

/**
 * Small files are collected and made many at once, by a second thread too when there are many. Until `settle` nothing is said
 * about which of them exist: `isPending` tells of one. All pending paths differ, so their order does not matter.
 */
export class SmallFiles {
  readonly #options: SmallFilesOptions;
  readonly #slots = new FileSlots();
  readonly #pending = new Set<string>();
  /** Of each slot's files: what is no longer pending when they are made. */
  readonly #keys: string[][] = Array.from({ length: SLOTS }, () => []);
  /** The slot that is being filled; it is FREE. */
  #current = 0;
  #open: string | undefined;
  #made = 0;
  #asked = false;

  constructor(options: SmallFilesOptions) {
    this.#options = options;
  }

  static accepts(entry: TarEntry): boolean {
    return (
      entry.type === "file" &&
      entry.sizeBytes <= MAX_SMALL_FILE_BYTES &&
      entry.xattrs.length === 0 &&
      entry.sparse === undefined
    );
  }

  isPending(key: string): boolean {
    return this.#pending.has(key);
  }

  /** `path`: absolute, not pending, without NUL; `key`: the same as latin1. Only for what `accepts` accepts. */
  begin(path: Buffer, key: string, entry: TarEntry): void {
    if (!this.#batch.begin(path, entry)) {
      this.#hand();
      if (!this.#batch.begin(path, entry)) throw new RangeError("a small file larger than a batch");
    }
    this.#open = key;
  }

  data(bytes: Uint8Array): void {
    if (this.#open !== undefined) this.#batch.append(bytes);
  }

  close(): void {
    if (this.#open === undefined) return;
    this.#batch.commit();
    this.#pending.add(this.#open);
    this.#keys[this.#current]?.push(this.#open);
    this.#open = undefined;
  }

  /** Makes all that is pending. Throws SystemError. */
  settle(): void {
    if (this.#pending.size === 0) return;
    this.#make(this.#current);
    for (let slot = 0; slot < SLOTS; slot++) if (this.#slots.take(slot)) this.#make(slot);
    for (let slot = 0; slot < SLOTS; slot++) {
      this.#slots.waitWhileBusy(slot);
      if (this.#slots.take(slot)) this.#make(slot);
      else if (this.#slots.state(slot) === DONE) this.#collect(slot);
    }
  }

  /** No more files: the second thread may go. */
  stop(): void {
    this.#slots.stop();
  }

  get #batch() {
    return this.#slots.batches[this.#current] as FileSlots["batches"][number];
  }

  /** The current slot is full: somebody makes its files, and another takes its place. */
  #hand(): void {
    this.#made += this.#batch.files;
    if (!this.#asked && this.#made >= FILES_BEFORE_WRITER) {
      this.#asked = true;
      this.#options.askForWriter?.(this.#slots.shared);
    }
    if (!this.#slots.writerIsReady) return this.#make(this.#current);
    this.#slots.give(this.#current);
    this.#current = this.#nextFree();
  }

  /** Where there is none, this thread does one's work: the other has enough. */
  #nextFree(): number {
    for (;;) {
      for (let slot = 0; slot < SLOTS; slot++) {
        const state = this.#slots.state(slot);
        if (state === DONE) this.#collect(slot);
        if (state === DONE || state === FREE) return slot;
      }
      for (let slot = 0; slot < SLOTS; slot++) {
        if (!this.#slots.take(slot)) continue;
        this.#make(slot);
        return slot;
      }
    }
  }

  #make(slot: number): void {
    this.#slots.batches[slot]?.makeFiles();
    this.#collect(slot);
  }

  #collect(slot: number): void {
    const batch = this.#slots.batches[slot] as FileSlots["batches"][number];
    for (const key of this.#keys[slot] ?? []) this.#pending.delete(key);
    this.#keys[slot] = [];
    for (const { path, outcome, retry } of batch.failures()) {
      if (outcomeErrno(outcome) !== EEXIST) throw outcomeError(outcome, path.toString());
      this.#options.replace(path);
      const again = retry();
      if (again !== 0) throw outcomeError(again, path.toString());
    }
    batch.clear();
    this.#slots.free(slot);
  }
}
