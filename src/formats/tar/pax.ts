import { badTar } from "./entry.ts";

export interface PaxRecord {
  key: string;
  /** Bytes: the values of extended attributes are binary. */
  value: Buffer;
}

const XATTR_PREFIX = "SCHILY.xattr.";
const SPACE = 0x20;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;
/** Decimal digits of a record's length. */
const MAX_LENGTH_DIGITS = 9;

/** `<length> <key>=<value>\n`, length counting itself. Order and repetition are kept: GNU sparse 0.0 means them. Pure. */
export function parsePax(bytes: Buffer): PaxRecord[] {
  const records: PaxRecord[] = [];
  for (let start = 0; start < bytes.length; ) {
    // Some writers pad the record area with NULs.
    if (bytes[start] === 0) break;
    const space = bytes.indexOf(SPACE, start);
    const digits = bytes.toString("latin1", start, Math.max(space, start));
    if (space === -1 || digits.length > MAX_LENGTH_DIGITS || !/^\d+$/.test(digits))
      throw badTar("malformed PAX record");
    const end = start + Number(digits);
    const equals = bytes.indexOf(EQUALS, space);
    if (end > bytes.length || end <= space + 1 || equals <= space + 1 || equals >= end || bytes[end - 1] !== NEWLINE) {
      throw badTar("malformed PAX record");
    }
    // latin1 keeps each byte of an attribute's name.
    const key = bytes.toString("latin1", space + 1, equals);
    if (key.includes("\0")) throw badTar("NUL in a PAX key");
    records.push({ key, value: Buffer.from(bytes.subarray(equals + 1, end - 1)) });
    start = end;
  }
  return records;
}

export function encodePax(records: { key: string; value: Uint8Array }[]): Buffer {
  return Buffer.concat(
    records.map(({ key, value }) => {
      const bodyBytes = key.length + value.length + 3;
      let length = bodyBytes + 1;
      while (String(length).length + bodyBytes !== length) length = String(length).length + bodyBytes;
      const record = Buffer.alloc(length, "\n");
      record.set(value, record.write(`${length} ${key}=`, "latin1"));
      return record;
    }),
  );
}

export function xattrsOf(records: readonly PaxRecord[]): { name: Buffer; value: Buffer }[] {
  const found = new Map<string, Buffer>();
  for (const { key, value } of records)
    if (key.startsWith(XATTR_PREFIX)) found.set(key.slice(XATTR_PREFIX.length), value);
  return [...found].map(([name, value]) => ({ name: Buffer.from(name, "latin1"), value }));
}

export function xattrRecord(name: Uint8Array, value: Uint8Array) {
  return { key: XATTR_PREFIX + Buffer.from(name).toString("latin1"), value };
}
