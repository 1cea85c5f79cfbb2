/** Flags of nlmsghdr (linux/netlink.h). */
export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
export const NLM_F_DUMP = 0x300;

const NLA_F_NESTED = 0x8000;
export const HEADER_BYTES = 16;

const ALIGN_BYTES = 4;
const MAX_ATTRIBUTE_BYTES = 0xffff;

/**
 * Writes netlink messages one after the other into one growing buffer. Integers are little-endian, as on every architecture that
 * Gantry runs on, except where a method's name says `Be`. Life of a message: `begin` → fixed part → attributes → `end`.
 */
export class MessageWriter {
  #bytes = Buffer.alloc(1024);
  #length = 0;
  #messageStart = 0;
  #count = 0;

  /** Messages begun so far; also the sequence number of the last one when none was given. */
  get count(): number {
    return this.#count;
  }

  /** Offset at which the next byte goes: for fields that somebody fills in later. */
  get offset(): number {
    return this.#length;
  }

  begin(type: number, flags: number, sequence = this.#count + 1): this {
    this.#messageStart = this.#length;
    this.#count++;
    return this.u32(0).u16(type).u16(flags).u32(sequence).u32(0);
  }

  end(): this {
    this.#bytes.writeUInt32LE(this.#length - this.#messageStart, this.#messageStart);
    return this;
  }

  u8(value: number): this {
    return this.#write(1, (at) => this.#bytes.writeUInt8(value, at));
  }

  u16(value: number): this {
    return this.#write(2, (at) => this.#bytes.writeUInt16LE(value, at));
  }

  u16Be(value: number): this {
    return this.#write(2, (at) => this.#bytes.writeUInt16BE(value, at));
  }

  u32(value: number): this {
    return this.#write(4, (at) => this.#bytes.writeUInt32LE(value >>> 0, at));
  }

  bytes(value: Uint8Array): this {
    return this.#write(value.length, (at) => this.#bytes.set(value, at));
  }

  attribute(type: number, value: Uint8Array): this {
    return this.#attributeHeader(type, value.length).bytes(value).#pad();
  }

  attributeU8(type: number, value: number): this {
    return this.#attributeHeader(type, 1).u8(value).#pad();
  }

  attributeU32(type: number, value: number): this {
    return this.#attributeHeader(type, 4).u32(value);
  }

  attributeU32Be(type: number, value: number): this {
    return this.#attributeHeader(type, 4).#write(4, (at) => this.#bytes.writeUInt32BE(value >>> 0, at));
  }

  /** With its final NUL. */
  attributeString(type: number, value: string): this {
    return this.attribute(type, Buffer.from(`${value}\0`));
  }

  /** What `body` writes becomes the attribute's value. Throws RangeError when it passes 64 KiB. */
  nest(type: number, body: (writer: this) => void): this {
    const start = this.#length;
    this.#attributeHeader(type | NLA_F_NESTED, 0);
    body(this);
    const length = this.#length - start;
    if (length > MAX_ATTRIBUTE_BYTES) throw new RangeError(`netlink attribute of ${length} bytes`);
    this.#bytes.writeUInt16LE(length, start);
    return this.#pad();
  }

  /** A copy of everything written. */
  finish(): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(0, this.#length));
  }

  #attributeHeader(type: number, payloadBytes: number): this {
    if (payloadBytes + 4 > MAX_ATTRIBUTE_BYTES) throw new RangeError(`netlink attribute of ${payloadBytes} bytes`);
    return this.u16(payloadBytes + 4).u16(type);
  }

  #pad(): this {
    while (this.#length % ALIGN_BYTES !== 0) this.u8(0);
    return this;
  }

  #write(count: number, put: (at: number) => void): this {
    if (this.#length + count > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#length + count));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    put(this.#length);
    this.#length += count;
    return this;
  }
}
