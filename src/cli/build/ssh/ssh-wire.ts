/** SSH's data types. @see RFC 4251 section 5 */
export class SshReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    return this.#take(1)[0] ?? 0;
  }

  uint32(): number {
    const bytes = this.#take(4);
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  }

  bytes(): Uint8Array {
    return this.#take(this.uint32());
  }

  text(): string {
    return new TextDecoder().decode(this.bytes());
  }

  /** A number that is not negative, without its leading zeroes. */
  number(): Uint8Array {
    return withoutZeroes(this.bytes());
  }

  #take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.byteLength) throw new Error("it ends too early");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

export function sshUint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

export function sshString(value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return Buffer.concat([sshUint32(bytes.byteLength), bytes]);
}

/** `mpint` of a number that is not negative. */
export function sshNumber(value: Uint8Array): Uint8Array {
  const plain = withoutZeroes(value);
  return sshString((plain[0] ?? 0) >= 128 ? Buffer.concat([new Uint8Array(1), plain]) : plain);
}

function withoutZeroes(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.byteLength && bytes[start] === 0) start++;
  return bytes.subarray(start);
}
