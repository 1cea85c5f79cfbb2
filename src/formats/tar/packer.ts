import { BLOCK_BYTES, type EntryType, paddingAfter, type TarEntry, type TarTime } from "./entry.ts";
import { encodeHeader, writeHeader } from "./header.ts";
import { formatPaxTime } from "./number.ts";
import { encodePax, xattrRecord } from "./pax.ts";

const TYPE_FLAGS: Record<EntryType, string> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};

const MAX_NAME = 100;
/** What 7 and 11 octal digits hold. */
const MAX_ID = 0o7777777;
const MAX_SIZE = 0o77777777777;

/** Of `TarEntry`, what a packer needs; the rest is empty. */
export type PackEntry = Pick<TarEntry, "type" | "sizeBytes" | "mode"> &
  Partial<Omit<TarEntry, "name" | "linkName" | "sparse">> & {
    name: Uint8Array | string;
    linkName?: Uint8Array | string;
  };

/** Header blocks of an entry: a ustar block, behind a PAX header where the values do not fit into it. Data and padding follow. Pure. */
export function encodeEntry(entry: PackEntry): Buffer {
  const name = bytesOf(entry.name);
  const linkName = bytesOf(entry.linkName ?? "");
  const { uid = 0, gid = 0, xattrs = [], sizeBytes } = entry;
  const modifiedAt: TarTime = entry.modifiedAt ?? { seconds: 0n, nanoseconds: 0 };
  const records: { key: string; value: Uint8Array }[] = [];
  const text = (key: string, value: string) => records.push({ key, value: Buffer.from(value) });
  if (name.length > MAX_NAME) records.push({ key: "path", value: name });
  if (linkName.length > MAX_NAME) records.push({ key: "linkpath", value: linkName });
  if (sizeBytes > MAX_SIZE) text("size", String(sizeBytes));
  if (uid > MAX_ID) text("uid", String(uid));
  if (gid > MAX_ID) text("gid", String(gid));
  const fits = modifiedAt.nanoseconds === 0 && modifiedAt.seconds >= 0n && modifiedAt.seconds <= BigInt(MAX_SIZE);
  if (!fits) text("mtime", formatPaxTime(modifiedAt));
  for (const { name: attribute, value } of xattrs) records.push(xattrRecord(attribute, value));
  const within = (value: number, limit: number) => (value > limit ? 0 : value);
  const seconds = modifiedAt.seconds < 0n || modifiedAt.seconds > BigInt(MAX_SIZE) ? 0 : Number(modifiedAt.seconds);
  const pax = records.length === 0 ? undefined : encodePax(records);
  const start = pax === undefined ? 0 : BLOCK_BYTES + pax.length + paddingAfter(pax.length);
  const blocks = Buffer.alloc(start + BLOCK_BYTES);
  if (pax !== undefined) {
    blocks.set(paxHeader(pax.length));
    blocks.set(pax, BLOCK_BYTES);
  }
  writeHeader(blocks.subarray(start), {
    typeFlag: TYPE_FLAGS[entry.type],
    name,
    linkName,
    mode: entry.mode,
    uid: within(uid, MAX_ID),
    gid: within(gid, MAX_ID),
    sizeBytes: within(sizeBytes, MAX_SIZE),
    modifiedSeconds: seconds,
    deviceMajor: entry.deviceMajor ?? 0,
    deviceMinor: entry.deviceMinor ?? 0,
  });
  return blocks;
}

/** Zeros that bring `sizeBytes` of data to a whole block. */
export function encodePadding(sizeBytes: number): Buffer {
  return Buffer.alloc(paddingAfter(sizeBytes));
}

/** What ends an archive. */
export function encodeEnd(): Buffer {
  return Buffer.alloc(2 * BLOCK_BYTES);
}

/** An entry with all its content at hand. */
export function packFile(entry: Omit<PackEntry, "type" | "sizeBytes">, content: Uint8Array): Buffer {
  const header = encodeEntry({ ...entry, type: "file", sizeBytes: content.length });
  return Buffer.concat([header, content, encodePadding(content.length)]);
}

/** By length: nearly all records are a time with a fraction. */
const paxHeaders = new Map<number, Buffer>();
const MAX_PAX_HEADERS = 64;

function paxHeader(sizeBytes: number): Buffer {
  const known = paxHeaders.get(sizeBytes);
  if (known !== undefined) return known;
  const header = encodeHeader({
    typeFlag: "x",
    name: Buffer.from("PaxHeaders.0/entry"),
    linkName: Buffer.alloc(0),
    mode: 0o644,
    uid: 0,
    gid: 0,
    sizeBytes,
    modifiedSeconds: 0,
    deviceMajor: 0,
    deviceMinor: 0,
  });
  if (paxHeaders.size < MAX_PAX_HEADERS) paxHeaders.set(sizeBytes, header);
  return header;
}

function bytesOf(name: Uint8Array | string): Uint8Array {
  return typeof name === "string" ? Buffer.from(name) : name;
}
