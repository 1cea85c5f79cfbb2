import { badTar, type SparseSegment } from "./entry.ts";
import { parseCount, parseDecimal } from "./number.ts";
import type { PaxRecord } from "./pax.ts";

/** Segments of one sparse file. */
export const MAX_SPARSE_SEGMENTS = 65_536;

/** How an entry says that it is sparse. @see GNU tar manual, "Storing Sparse Files" */
export type SparseForm =
  | { form: "none" }
  /** Old GNU (`S` header) and PAX 0.0, 0.1: the map is known from the headers. */
  | { form: "map"; segments: SparseSegment[]; realSizeBytes: number; name?: Buffer }
  /** PAX 1.0: the map stands before the data. */
  | { form: "in-data"; realSizeBytes: number; name?: Buffer };

/** From PAX records. */
export function sparseForm(records: readonly PaxRecord[]): SparseForm {
  const last = (key: string) => records.findLast((record) => record.key === `GNU.sparse.${key}`)?.value;
  const text = (key: string) => last(key)?.toString("latin1");
  const sizeText = text("realsize") ?? text("size");
  if (sizeText === undefined) return { form: "none" };
  const realSizeBytes = parseDecimal(sizeText, "sparse size");
  const name = last("name");
  const named = name === undefined ? {} : { name };
  if (text("major") === "1") return { form: "in-data", realSizeBytes, ...named };
  const map = text("map");
  const numbers =
    map === undefined
      ? records
          .filter(({ key }) => /^GNU\.sparse\.(offset|numbytes)$/.test(key))
          .map(({ value }) => value.toString("latin1"))
      : map.split(",").filter((number) => number !== "");
  return {
    form: "map",
    segments: pairs(numbers.map((number) => parseDecimal(number, "sparse map"))),
    realSizeBytes,
    ...named,
  };
}

/** Entries of 24 bytes in an old GNU header (4 of them) or extension block (21), up to the first empty one. */
export function oldGnuSegments(block: Uint8Array, start: number, count: number): SparseSegment[] {
  const segments: SparseSegment[] = [];
  for (let index = 0; index < count; index++) {
    const at = start + index * 24;
    if (block[at] === 0) break;
    segments.push({
      offset: parseCount(block.subarray(at, at + 12), "sparse offset"),
      length: parseCount(block.subarray(at + 12, at + 24), "sparse length"),
    });
  }
  return segments;
}

/**
 * The map of form 1.0: decimal lines, first the number of segments, filling whole blocks. undefined: needs more bytes than
 * `bytes` holds. `bytes` starts at the data and has whole blocks.
 */
export function parseDataMap(bytes: Buffer): { segments: SparseSegment[]; mapBytes: number } | undefined {
  const numbers: number[] = [];
  let start = 0;
  let wanted = 1;
  while (numbers.length < wanted) {
    const end = bytes.indexOf(0x0a, start);
    if (end === -1) return undefined;
    numbers.push(parseDecimal(bytes.toString("latin1", start, Math.min(end, start + 24)), "sparse map"));
    if (numbers.length === 1) {
      if ((numbers[0] as number) > MAX_SPARSE_SEGMENTS) throw badTar("too many sparse segments");
      wanted = 1 + 2 * (numbers[0] as number);
    }
    start = end + 1;
  }
  return { segments: pairs(numbers.slice(1)), mapBytes: Math.ceil(start / 512) * 512 };
}

/** Ordered, apart, inside the file, and exactly as long together as the data. Throws. */
export function checkSegments(segments: readonly SparseSegment[], realSizeBytes: number, dataBytes: number): void {
  if (segments.length > MAX_SPARSE_SEGMENTS) throw badTar("too many sparse segments");
  let end = 0;
  let total = 0;
  for (const { offset, length } of segments) {
    if (offset < end || offset + length > realSizeBytes) throw badTar("invalid sparse map");
    end = offset + length;
    total += length;
  }
  if (total !== dataBytes) throw badTar("sparse map and data disagree");
}

function pairs(numbers: number[]): SparseSegment[] {
  if (numbers.length % 2 !== 0) throw badTar("odd sparse map");
  if (numbers.length / 2 > MAX_SPARSE_SEGMENTS) throw badTar("too many sparse segments");
  const segments: SparseSegment[] = [];
  for (let index = 0; index < numbers.length; index += 2) {
    segments.push({ offset: numbers[index] as number, length: numbers[index + 1] as number });
  }
  return segments;
}
