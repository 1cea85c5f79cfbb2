import { CHUNK_BYTES, type ChunkOutput } from "../pack/tar-writer.ts";

/** Memory that two threads share: an archive on its way from the one that reads files to the one that hashes. Plain data. */
export interface HashPipe {
  /** See the places below. */
  state: Int32Array<SharedArrayBuffer>;
  chunks: Uint8Array<SharedArrayBuffer>;
  digest: Uint8Array<SharedArrayBuffer>;
}

/** Chunks that may wait to be hashed; as much is hashed without another thread, which takes 10 ms to start. */
const SLOTS = 8;
const DIGEST_BYTES = 32;
/** Places in `state`: chunks written, chunks hashed, how it ended, what changes with the first and third; then the chunks' lengths. */
const [WRITTEN, HASHED, END, NEWS, LENGTHS] = [0, 1, 2, 3, 4];
/** Values of END. */
const [RUNNING, COMPLETE, BROKEN] = [0, 1, 2];
/** Whoever waits looks so often whether it is still wanted: a thread that was ended tells nobody. */
const LOOK_EVERY_MS = 100;

export function createHashPipe(): HashPipe {
  return {
    state: new Int32Array(new SharedArrayBuffer((LENGTHS + SLOTS) * 4)),
    chunks: new Uint8Array(new SharedArrayBuffer(SLOTS * CHUNK_BYTES)),
    digest: new Uint8Array(new SharedArrayBuffer(DIGEST_BYTES)),
  };
}

/** The end that is written to, by one thread. Where all that comes has room in the pipe, it hashes by itself. */
export class HashPipeWriter implements ChunkOutput {
  readonly #pipe: HashPipe;
  readonly #check: () => void;
  readonly #start: () => void;
  #written = 0;
  #isStarted = false;

  /** `check` throws when nobody wants the digest any more. `start`: another thread is to call `hashFromPipe`. */
  constructor(pipe: HashPipe, { check, start }: { check: () => void; start: () => void }) {
    this.#pipe = pipe;
    this.#check = check;
    this.#start = start;
  }

  begin(): Uint8Array {
    if (this.#written === SLOTS && !this.#isStarted) {
      this.#isStarted = true;
      this.#start();
    }
    this.#waitUntil((hashed) => this.#written - hashed < SLOTS);
    const start = (this.#written % SLOTS) * CHUNK_BYTES;
    return this.#pipe.chunks.subarray(start, start + CHUNK_BYTES);
  }

  emit(length: number): void {
    const { state } = this.#pipe;
    state[LENGTHS + (this.#written % SLOTS)] = length;
    Atomics.store(state, WRITTEN, ++this.#written);
    tellNews(state);
  }

  /** Of all that was written, in hexadecimal. */
  digest(): string {
    const { state } = this.#pipe;
    Atomics.compareExchange(state, END, RUNNING, COMPLETE);
    tellNews(state);
    if (!this.#isStarted) hashFromPipe(this.#pipe);
    this.#waitUntil((hashed) => hashed > this.#written);
    return Buffer.from(this.#pipe.digest).toString("hex");
  }

  #waitUntil(isSo: (hashed: number) => boolean): void {
    const { state } = this.#pipe;
    for (;;) {
      this.#check();
      if (Atomics.load(state, END) === BROKEN) throw new Error("the hashing thread has failed");
      const hashed = Atomics.load(state, HASHED);
      if (isSo(hashed)) return;
      Atomics.wait(state, HASHED, hashed, LOOK_EVERY_MS);
    }
  }
}

/** Whoever is at the other end gives up. Once the digest is there: nothing. */
export function breakHashPipe({ state }: HashPipe): void {
  Atomics.store(state, END, BROKEN);
  tellNews(state);
  Atomics.notify(state, HASHED);
}

function tellNews(state: HashPipe["state"]): void {
  Atomics.add(state, NEWS, 1);
  Atomics.notify(state, NEWS);
}

/** The other end, to its end: HASHED is one more than there were chunks when the digest is there. Synchronous. */
export function hashFromPipe({ state, chunks, digest }: HashPipe): void {
  const hasher = new Bun.CryptoHasher("sha256");
  for (let hashed = 0; ; ) {
    const news = Atomics.load(state, NEWS);
    const end = Atomics.load(state, END);
    const written = Atomics.load(state, WRITTEN);
    if (end === BROKEN) return;
    if (hashed < written) {
      const start = (hashed % SLOTS) * CHUNK_BYTES;
      hasher.update(chunks.subarray(start, start + (state[LENGTHS + (hashed % SLOTS)] as number)));
      hashed++;
    } else if (end === RUNNING) {
      Atomics.wait(state, NEWS, news, LOOK_EVERY_MS);
      continue;
    } else {
      digest.set(hasher.digest());
      hashed++;
    }
    Atomics.store(state, HASHED, hashed);
    Atomics.notify(state, HASHED);
    if (hashed > written) return;
  }
}
