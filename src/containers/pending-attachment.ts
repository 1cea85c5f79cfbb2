import { Duplex } from "node:stream";
import type { Attachment, AttachRequest } from "../runtime/launcher/launcher.ts";

/** Input that a client sends before the start is kept up to this; then the client is held back. */
const EARLY_INPUT_BYTES = 64 * 1024;

/**
 * The streams of a container that has not started yet. `connect` joins it to the real ones; until then input is held back, not
 * lost. Ends without a byte when the start fails or the container is removed.
 */
export class PendingAttachment extends Duplex {
  readonly request: AttachRequest;
  #source: Attachment | undefined;
  #early: { chunk: Uint8Array; done: (error?: Error | null) => void } | undefined;
  #outputEnded = false;
  #inputEnded: ((error?: Error | null) => void) | undefined;

  constructor(request: AttachRequest) {
    super({ allowHalfOpen: true, writableHighWaterMark: EARLY_INPUT_BYTES });
    this.request = request;
  }

  connect(source: Attachment): void {
    if (this.destroyed) {
      source.destroy();
      return;
    }
    this.#source = source;
    source.on("data", (chunk: Uint8Array) => {
      if (!this.push(chunk)) source.pause();
    });
    source.on("end", () => this.#endOutput());
    source.on("error", (error) => this.destroy(error));
    source.on("close", () => this.#endOutput());
    // A task that ended at once may have closed its streams before anybody listened.
    if (source.destroyed || source.readableEnded) this.#endOutput();
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined) source.write(early.chunk, early.done);
    if (this.#inputEnded !== undefined) source.end(this.#inputEnded);
  }

  #endOutput(): void {
    if (this.#outputEnded) return;
    this.#outputEnded = true;
    this.push(null);
  }

  /** The start did not happen. */
  abandon(): void {
    this.#endOutput();
    this.#early?.done();
    this.#early = undefined;
    this.#inputEnded?.();
    this.#inputEnded = undefined;
    // Nobody may read it any more; without this, 'close' would wait for a reader.
    if (this.readableFlowing === null) this.resume();
  }

  override _read(): void {
    this.#source?.resume();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.#source !== undefined) this.#source.write(chunk, done);
    else this.#early = { chunk, done };
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#source === undefined) this.#inputEnded = done;
    else if (this.#source.writable) this.#source.end(done);
    else done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#source?.destroy();
    this.#early = undefined;
    done(error);
  }
}
