import type { SourceEntry } from "../results.ts";

/** Of a table of contents on disk. Another version is as none. */
const VERSION = 1;

export interface ManifestHeader {
  /** Says what the directory is of: the same directory of the same client has the same one. */
  key: string;
  /** For people. */
  description: string;
  /** After an unclean end of the machine nothing that was not synced is believed. */
  bootId: string;
  createdAt: string;
}

const TYPES = { file: "f", directory: "d", symlink: "l", fifo: "p", character: "c", block: "b" } as const;
const TYPE_OF = new Map(Object.entries(TYPES).map(([type, letter]) => [letter as string, type as keyof typeof TYPES]));
const HEX = 64;

/** What few entries have. */
interface Rarity {
  at: number;
  linkName: string;
  hardlinkTo?: string;
  major: number;
  minor: number;
  uid: number;
  gid: number;
  xattrs?: string;
}

/**
 * A table of contents in columns: fifty thousand entries are read in a few ms, and go from one thread to another without being copied.
 * A line of JSON, then numbers (8-aligned), then texts.
 */
export function encodeEntries(entries: SourceEntry[], header: Partial<ManifestHeader> = {}): Uint8Array<ArrayBuffer> {
  const count = entries.length;
  const [times, sizes, modes] = [new BigInt64Array(count), new Float64Array(count), new Uint32Array(count)];
  const rarities: Rarity[] = [];
  let [types, digests] = ["", ""];
  for (let at = 0; at < count; at++) {
    const entry = entries[at] as SourceEntry;
    times[at] = entry.modifiedNs;
    sizes[at] = entry.sizeBytes;
    modes[at] = entry.mode;
    types += TYPES[entry.type];
    if (entry.type === "file") digests += entry.digest.slice(-HEX).padStart(HEX);
    if (isRare(entry)) rarities.push(rarityOf(entry, at));
  }
  const paths = Buffer.from(entries.map(({ path }) => path).join("\0"));
  const sections = [
    bytesOf(times),
    bytesOf(sizes),
    bytesOf(modes),
    Buffer.from(types, "latin1"),
    Buffer.from(digests, "latin1"),
    paths,
  ];
  const description = { version: VERSION, count, rarities, lengths: sections.map(({ length }) => length), ...header };
  const line = JSON.stringify(description);
  const start = Buffer.byteLength(line) + 1;
  const padding = " ".repeat((8 - (start % 8)) % 8);
  return new Uint8Array(Buffer.concat([Buffer.from(`${line}${padding}\n`), ...sections]));
}

/** undefined: it is none, or not whole, or of another version. */
export function decodeEntries(
  bytes: Uint8Array,
): { entries: SourceEntry[]; header: Partial<ManifestHeader> } | undefined {
  const end = bytes.indexOf(10);
  const parsed = end < 0 ? undefined : parseLine(Buffer.from(bytes.subarray(0, end)).toString());
  if (parsed === undefined) return undefined;
  const { count, rarities, lengths, ...header } = parsed;
  // Of a buffer of its own, so that the columns are aligned.
  const body = new Uint8Array(bytes.subarray(end + 1));
  if (lengths.reduce((sum, length) => sum + length, 0) !== body.length) return undefined;
  const starts = lengths.map((_, at) => lengths.slice(0, at).reduce((sum, length) => sum + length, 0));
  const text = (section: number, encoding: "latin1" | "utf8") =>
    Buffer.from(body.buffer, starts[section], lengths[section]).toString(encoding);
  const columns = {
    times: new BigInt64Array(body.buffer, starts[0], count),
    sizes: new Float64Array(body.buffer, starts[1], count),
    modes: new Uint32Array(body.buffer, starts[2], count),
    types: text(3, "latin1"),
    digests: text(4, "latin1"),
    paths: count === 0 ? [] : text(5, "utf8").split("\0"),
  };
  if (columns.paths.length !== count) return undefined;
  return { entries: rowsOf(columns, rarities), header };
}

interface Columns {
  times: BigInt64Array;
  sizes: Float64Array;
  modes: Uint32Array;
  types: string;
  digests: string;
  paths: string[];
}

function rowsOf({ times, sizes, modes, types, digests, paths }: Columns, rarities: Rarity[]): SourceEntry[] {
  let digestAt = 0;
  const entries = paths.map((path, at): SourceEntry => {
    const type = TYPE_OF.get(types[at] as string) ?? "file";
    const digest = type === "file" ? `sha256:${digests.slice(digestAt, digestAt + HEX)}` : "";
    if (type === "file") digestAt += HEX;
    return {
      path,
      type,
      mode: modes[at] as number,
      uid: 0,
      gid: 0,
      sizeBytes: sizes[at] as number,
      modifiedNs: times[at] as bigint,
      linkName: "",
      hardlinkTo: undefined,
      digest,
      deviceMajor: 0,
      deviceMinor: 0,
    };
  });
  for (const { at, linkName, hardlinkTo, major, minor, uid, gid, xattrs } of rarities) {
    Object.assign(entries[at] as SourceEntry, {
      linkName,
      hardlinkTo,
      deviceMajor: major,
      deviceMinor: minor,
      uid,
      gid,
      ...(xattrs === undefined ? {} : { xattrs }),
    });
  }
  return entries;
}

function parseLine(
  line: string,
): ({ count: number; rarities: Rarity[]; lengths: number[] } & Partial<ManifestHeader>) | undefined {
  try {
    const { version, ...rest } = JSON.parse(line);
    return version === VERSION ? rest : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isRare({ linkName, hardlinkTo, deviceMajor, deviceMinor, uid, gid, xattrs }: SourceEntry): boolean {
  return (
    xattrs !== undefined ||
    linkName !== "" ||
    hardlinkTo !== undefined ||
    deviceMajor !== 0 ||
    deviceMinor !== 0 ||
    uid !== 0 ||
    gid !== 0
  );
}

function rarityOf(entry: SourceEntry, at: number): Rarity {
  const { linkName, hardlinkTo, deviceMajor, deviceMinor, uid, gid, xattrs } = entry;
  const first = { ...(hardlinkTo === undefined ? {} : { hardlinkTo }), ...(xattrs === undefined ? {} : { xattrs }) };
  return { at, linkName, ...first, major: deviceMajor, minor: deviceMinor, uid, gid };
}

function bytesOf(numbers: BigInt64Array | Float64Array | Uint32Array): Uint8Array {
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  // The next column is aligned, too.
  return bytes.length % 8 === 0 ? bytes : Buffer.concat([bytes, new Uint8Array(8 - (bytes.length % 8))]);
}
