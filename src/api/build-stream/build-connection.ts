import { Duplex } from "node:stream";
import { EngineError } from "../../base/errors.ts";

/** Bytes for a client that are kept while it does not read. */
const HIGH_WATER_BYTES = 512 * 1024;

/**
 * Our end of a hijacked connection. What comes in is handed on at once (the windows of the streams bound it); what goes out waits for
 * the client, but not for ever.
 */
export class BuildConnection extends Duplex {
  readonly #onBytes: (bytes: Uint8Array) => void;
  readonly #stallMs: number;
  #waiting: (() => void)[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `onBytes`: what it throws ends the connection. `stallMs`: how long a client may read nothing. */
  constructor(options: { onBytes: (bytes: Uint8Array) => void; stallMs: number }) {
    super({ readableHighWaterMark: HIGH_WATER_BYTES, allowHalfOpen: false, autoDestroy: true });
    this.#onBytes = options.onBytes;
    this.#stallMs = options.stallMs;
  }

  /** Resolves when there is room for more. Rejects with unavailable when the client is gone. */
  async send(bytes: Uint8Array): Promise<void> {
    if (this.destroyed || this.readableEnded) throw gone();
    if (this.push(bytes)) return;
    this.#timer ??= setTimeout(() => this.destroy(), this.#stallMs);
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.destroyed) throw gone();
  }

  /** Everything that was sent goes out, then the connection ends. */
  finish(): void {
    if (!this.destroyed) this.push(null);
  }

  override _read(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    try {
      this.#onBytes(chunk);
      done();
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** A client that ends its side gives up its build; after our own end it may. */
  override _final(done: (error?: Error | null) => void): void {
    if (!this.readableEnded) this.destroy();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this._read();
    done(error);
  }
}

export function gone(): EngineError {
  return new EngineError("unavailable", "the client of the build has gone");
}
