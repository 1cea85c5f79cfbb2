import { BLOCK_BYTES, badTar } from "./entry.ts";
import { parseCount, parseField } from "./number.ts";

/** A header block as it stands, before long names and PAX records apply. */
export interface RawHeader {
  typeFlag: string;
  name: Buffer;
  linkName: Buffer;
  mode: number;
  uid: number;
  gid: number;
  sizeBytes: number;
  modifiedSeconds: bigint;
  deviceMajor: number;
  deviceMinor: number;
  format: "v7" | "ustar" | "gnu";
  /** The whole block, for GNU's sparse fields. */
  block: Buffer;
}

/** @see POSIX pax, "ustar Interchange Format": offset and length of each field. */
const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  modified: [136, 12],
  checksum: [148, 8],
  linkName: [157, 100],
  magic: [257, 8],
  deviceMajor: [329, 8],
  deviceMinor: [337, 8],
  prefix: [345, 155],
} as const;
const TYPE_FLAG_AT = 156;

/** undefined for a block of zeros. Throws when the checksum or a number is wrong. Pure. */
export function parseHeader(bytes: Uint8Array): RawHeader | undefined {
  if (bytes.length !== BLOCK_BYTES) throw badTar("short header");
  const block = Buffer.from(bytes);
  if (block[0] === 0 && block.every((byte) => byte === 0)) return undefined;
  checkSum(block);
  const field = (name: keyof typeof FIELDS) => block.subarray(FIELDS[name][0], FIELDS[name][0] + FIELDS[name][1]);
  const magic = field("magic").toString("latin1");
  const format = magic.startsWith("ustar  ") ? "gnu" : magic.startsWith("ustar") ? "ustar" : "v7";
  const prefix = format === "ustar" ? cut(field("prefix")) : Buffer.alloc(0);
  const name = cut(field("name"));
  const device = (key: "deviceMajor" | "deviceMinor") =>
    format === "v7" ? 0 : parseCount(field(key), "device number");
  return {
    typeFlag: String.fromCharCode(block[TYPE_FLAG_AT] as number),
    name: prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from("/"), name]),
    linkName: cut(field("linkName")),
    mode: Number(parseField(field("mode"), "mode") & 0o7777n),
    uid: parseCount(field("uid"), "uid"),
    gid: parseCount(field("gid"), "gid"),
    sizeBytes: parseCount(field("size"), "size"),
    modifiedSeconds: parseField(field("modified"), "mtime"),
    deviceMajor: device("deviceMajor"),
    deviceMinor: device("deviceMinor"),
    format,
    block,
  };
}

/** Up to the first NUL. A copy, since blocks are reused. */
function cut(field: Buffer): Buffer {
  const end = field.indexOf(0);
  return Buffer.from(end === -1 ? field : field.subarray(0, end));
}

/** Sum of all bytes with the checksum field as spaces; some old programs summed signed bytes. */
function checkSum(block: Buffer): void {
  const [start, length] = FIELDS.checksum;
  let unsigned = 0;
  let signed = 0;
  for (let index = 0; index < BLOCK_BYTES; index++) {
    const byte = index >= start && index < start + length ? 0x20 : (block[index] as number);
    unsigned += byte;
    signed += byte < 128 ? byte : byte - 256;
  }
  const expected = parseField(block.subarray(start, start + length), "checksum");
  if (expected !== BigInt(unsigned) && expected !== BigInt(signed)) throw badTar("wrong header checksum");
}

export interface HeaderFields {
  typeFlag: string;
  name: Uint8Array;
  linkName: Uint8Array;
  mode: number;
  uid: number;
  gid: number;
  sizeBytes: number;
  modifiedSeconds: number;
  deviceMajor: number;
  deviceMinor: number;
}

/** A ustar block. Values that do not fit must have been moved into PAX records before; names are cut. Pure. */
export function encodeHeader(fields: HeaderFields): Buffer {
  return writeHeader(Buffer.alloc(BLOCK_BYTES), fields);
}

/** The same in a block of zeros. */
export function writeHeader(block: Buffer, fields: HeaderFields): Buffer {
  block.set(fields.name.subarray(0, 100), FIELDS.name[0]);
  block.set(fields.linkName.subarray(0, 100), FIELDS.linkName[0]);
  writeOctal(block, FIELDS.mode, fields.mode & 0o7777);
  writeOctal(block, FIELDS.uid, fields.uid);
  writeOctal(block, FIELDS.gid, fields.gid);
  writeOctal(block, FIELDS.size, fields.sizeBytes);
  writeOctal(block, FIELDS.modified, fields.modifiedSeconds);
  writeOctal(block, FIELDS.deviceMajor, fields.deviceMajor);
  writeOctal(block, FIELDS.deviceMinor, fields.deviceMinor);
  block[TYPE_FLAG_AT] = fields.typeFlag.charCodeAt(0);
  block.set(MAGIC, FIELDS.magic[0]);
  const [checksum] = FIELDS.checksum;
  block.fill(0x20, checksum, checksum + 8);
  let sum = 0;
  for (let index = 0; index < USED_BYTES; index++) sum += block[index] as number;
  writeOctal(block, [checksum, 7], sum);
  block[checksum + 6] = 0;
  return block;
}

const MAGIC = Buffer.from("ustar\u000000", "latin1");
/** What is behind the last field that is written is zeros. */
const USED_BYTES = FIELDS.deviceMinor[0] + FIELDS.deviceMinor[1];

/** Digits up to the field's last byte, which stays NUL. By hand: archives have hundreds of thousands of these. */
function writeOctal(block: Buffer, [start, length]: readonly [number, number], value: number): void {
  let rest = value;
  for (let at = start + length - 2; at >= start; at--) {
    block[at] = 0x30 + (rest % 8);
    rest = Math.floor(rest / 8);
  }
}
