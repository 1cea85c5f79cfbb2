const INITIAL_BYTES = 16 * 1024;

/** Little-endian numbers and length-prefixed bytes, as `native/launcher/plan.c` reads them. */
export class PlanWriter {
  #bytes = Buffer.allocUnsafe(INITIAL_BYTES);
  #length = 0;

  u32(value: number): this {
    this.#reserve(4);
    this.#length = this.#bytes.writeUInt32LE(value >>> 0, this.#length);
    return this;
  }

  u64(value: bigint): this {
    this.#reserve(8);
    this.#length = this.#bytes.writeBigUInt64LE(BigInt.asUintN(64, value), this.#length);
    return this;
  }

  flag(value: boolean | undefined): this {
    return this.u32(value === true ? 1 : 0);
  }

  bytes(value: Uint8Array): this {
    this.u32(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** Followed by a NUL, so that the launcher can hand it to the kernel in place. Throws RangeError on an embedded NUL. */
  string(value: string): this {
    if (value.includes("\0")) throw new RangeError(`NUL in ${JSON.stringify(value.slice(0, 80))}`);
    const length = Buffer.byteLength(value);
    this.u32(length);
    this.#reserve(length + 1);
    this.#bytes.write(value, this.#length);
    this.#length += length;
    this.#bytes[this.#length++] = 0;
    return this;
  }

  list(values: readonly string[]): this {
    this.u32(values.length);
    for (const value of values) this.string(value);
    return this;
  }

  /** A u32 length to be filled in by `close` with the bytes written in between. */
  open(): number {
    this.u32(0);
    return this.#length;
  }

  close(opened: number): void {
    this.#bytes.writeUInt32LE(this.#length - opened, opened - 4);
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + more));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
