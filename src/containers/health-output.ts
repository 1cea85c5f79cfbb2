/** Output of one probe that is kept; the rest is read and dropped. */
export const MAX_PROBE_OUTPUT_BYTES = 4096;
const HEADER_BYTES = 8;
const LENGTH_OFFSET = 4;

/** The payload of an attachment's frames (8-byte headers, see `Attachment`), both streams as they came, up to a limit. */
export class ProbeOutput {
  readonly #kept: Uint8Array[] = [];
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #payloadLeft = 0;
  #keptBytes = 0;
  #truncated = false;

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#payloadLeft > 0) {
        const payload = chunk.subarray(at, at + this.#payloadLeft);
        this.#payloadLeft -= payload.length;
        at += payload.length;
        this.#keep(payload);
        continue;
      }
      const part = chunk.subarray(at, at + HEADER_BYTES - this.#headerBytes);
      this.#header.set(part, this.#headerBytes);
      this.#headerBytes += part.length;
      at += part.length;
      if (this.#headerBytes < HEADER_BYTES) return;
      this.#payloadLeft = this.#header.readUInt32BE(LENGTH_OFFSET);
      this.#headerBytes = 0;
    }
  }

  #keep(payload: Uint8Array): void {
    const fits = payload.subarray(0, MAX_PROBE_OUTPUT_BYTES - this.#keptBytes);
    if (fits.length < payload.length) this.#truncated = true;
    if (fits.length === 0) return;
    this.#kept.push(Uint8Array.from(fits));
    this.#keptBytes += fits.length;
  }

  /** `...` at the end says that there was more. */
  text(): string {
    return Buffer.concat(this.#kept).toString() + (this.#truncated ? "..." : "");
  }
}
