/** First and last byte, both included. */
export interface ByteRange {
  start: number;
  end: number;
}

/** A number that is exact: 15 digits. */
const SINGLE = /^bytes=(\d{0,15})-(\d{0,15})$/;

/**
 * What of `sizeBytes` a Range header asks for. "all": no header, several ranges or another unit, which a server may ignore.
 * "unsatisfiable": 416. @see RFC 9110 section 14
 */
export function parseRange(header: string | null, sizeBytes: number): ByteRange | "all" | "unsatisfiable" {
  const match = header === null ? null : SINGLE.exec(header.replace(/\s/g, ""));
  if (match === null) return "all";
  const [, from = "", to = ""] = match;
  if (from === "" && to === "") return "all";
  if (from === "") {
    const length = Math.min(Number(to), sizeBytes);
    return length === 0 ? "unsatisfiable" : { start: sizeBytes - length, end: sizeBytes - 1 };
  }
  const start = Number(from);
  const end = to === "" ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1);
  if (to !== "" && Number(to) < start) return "all";
  return start >= sizeBytes ? "unsatisfiable" : { start, end };
}

const CHUNK = /^(\d{1,15})-(\d{1,15})$/;

/** A chunk's Content-Range, `first-last`, without a unit. undefined: not one. @see OCI distribution-spec "Pushing a blob in chunks" */
export function parseChunkRange(header: string): ByteRange | undefined {
  const match = CHUNK.exec(header.trim());
  if (match === null) return undefined;
  const [start, end] = [Number(match[1]), Number(match[2])];
  return end < start ? undefined : { start, end };
}
