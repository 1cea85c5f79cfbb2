import { badTar, type EntryType, type TarEntry } from "./entry.ts";
import type { RawHeader } from "./header.ts";
import { parseDecimal, parsePaxTime } from "./number.ts";
import { type PaxRecord, xattrsOf } from "./pax.ts";

/** User and group numbers of Linux are 32 bits; the last one means "leave it". */
const MAX_ID = 0xffff_fffe;

const TYPES: Record<string, EntryType> = {
  "0": "file",
  "\0": "file",
  "7": "file",
  S: "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  "6": "fifo",
};

/** What stood before a header and changes it. */
export interface Overrides {
  /** Global records first: later ones win. */
  records: PaxRecord[];
  longName: Buffer | undefined;
  longLink: Buffer | undefined;
}

/** A header with its overrides applied: PAX over GNU long names over the block itself. Pure. */
export function buildEntry(header: RawHeader, { records, longName, longLink }: Overrides): TarEntry {
  const values = new Map(records.map(({ key, value }) => [key, value]));
  /** An empty value takes an earlier one back. */
  const get = (key: string) => (values.get(key)?.length === 0 ? undefined : values.get(key));
  const count = (key: string, otherwise: number) => {
    const value = get(key);
    return value === undefined ? otherwise : parseDecimal(value.toString("latin1"), key);
  };
  const name = checkName(get("path") ?? longName ?? header.name);
  const type = typeOf(header, name);
  const modified = get("mtime");
  const accessed = get("atime");
  return {
    type,
    name,
    linkName: checkName(get("linkpath") ?? longLink ?? header.linkName),
    mode: header.mode,
    uid: checkId(count("uid", header.uid)),
    gid: checkId(count("gid", header.gid)),
    // The rest have no data, whatever their size field says.
    sizeBytes: type === "file" ? count("size", header.sizeBytes) : 0,
    modifiedAt:
      modified === undefined
        ? { seconds: header.modifiedSeconds, nanoseconds: 0 }
        : parsePaxTime(modified.toString("latin1")),
    ...(accessed === undefined ? {} : { accessedAt: parsePaxTime(accessed.toString("latin1")) }),
    deviceMajor: header.deviceMajor,
    deviceMinor: header.deviceMinor,
    xattrs: xattrsOf(records),
  };
}

function typeOf(header: RawHeader, name: Buffer): EntryType {
  const type = TYPES[header.typeFlag];
  if (type === undefined) throw badTar(`unhandled entry type ${JSON.stringify(header.typeFlag)}`);
  // Archives older than ustar mark directories by the slash alone.
  const isOldDirectory = (header.typeFlag === "\0" || header.typeFlag === "0") && name.at(-1) === 0x2f;
  return isOldDirectory ? "directory" : type;
}

function checkName(name: Buffer): Buffer {
  if (name.includes(0)) throw badTar("NUL in a name");
  return name;
}

function checkId(id: number): number {
  if (id > MAX_ID) throw badTar(`user or group ${id} out of range`);
  return id;
}
