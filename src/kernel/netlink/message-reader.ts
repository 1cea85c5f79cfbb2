import { HEADER_BYTES } from "./message-writer.ts";

const TYPE_MASK = 0x3fff;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export interface Message {
  type: number;
  flags: number;
  sequence: number;
  /** What follows the header; a view, not a copy. */
  payload: Buffer;
}

/** The messages of one datagram. A malformed length ends the list: the kernel writes none. */
export function parseMessages(datagram: Uint8Array): Message[] {
  const bytes = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const messages: Message[] = [];
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const length = bytes.readUInt32LE(at);
    if (length < HEADER_BYTES || at + length > bytes.length) break;
    messages.push({
      type: bytes.readUInt16LE(at + 4),
      flags: bytes.readUInt16LE(at + 6),
      sequence: bytes.readUInt32LE(at + 8),
      payload: bytes.subarray(at + HEADER_BYTES, at + length),
    });
    at += (length + 3) & ~3;
  }
  return messages;
}

/** Attributes by type, from `offset` on; of a type that repeats, the last. */
export function parseAttributes(payload: Buffer, offset = 0): Map<number, Buffer> {
  return new Map(listAttributes(payload, offset).map(({ type, value }) => [type, value]));
}

/** Attributes in order: for lists, whose elements share a type. */
export function listAttributes(payload: Buffer, offset = 0): { type: number; value: Buffer }[] {
  const attributes: { type: number; value: Buffer }[] = [];
  let at = offset;
  while (at + 4 <= payload.length) {
    const length = payload.readUInt16LE(at);
    if (length < 4 || at + length > payload.length) break;
    attributes.push({
      type: payload.readUInt16LE(at + 2) & TYPE_MASK,
      value: payload.subarray(at + 4, at + length),
    });
    at += (length + 3) & ~3;
  }
  return attributes;
}

/** Text of a NUL-terminated attribute. */
export function textOf(value: Buffer | undefined): string {
  if (value === undefined) return "";
  const end = value.indexOf(0);
  return value.toString("utf8", 0, end < 0 ? value.length : end);
}

/** NLMSG_ERROR: errno (0 is the acknowledgement) and the kernel's own explanation where it gave one (extended ack). */
export function parseError(message: Message): { errno: number; explanation: string } {
  const { payload, flags } = message;
  if (payload.length < 4) return { errno: 0, explanation: "" };
  const errno = Math.abs(payload.readInt32LE(0));
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno, explanation: "" };
  // The request follows its errno: whole, or only its header when capped.
  const echoed = (flags & NLM_F_CAPPED) !== 0 || payload.length < 8 ? HEADER_BYTES : payload.readUInt32LE(4);
  const attributes = parseAttributes(payload, 4 + ((echoed + 3) & ~3));
  return { errno, explanation: textOf(attributes.get(NLMSGERR_ATTR_MSG)) };
}
