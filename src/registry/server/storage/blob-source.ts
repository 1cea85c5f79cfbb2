import type { Body } from "../http/replies.ts";
import type { Linked } from "./links.ts";

/** Where the bytes of an answer come from: a file that is whole, or one that is still being fetched. */
export interface BlobSource {
  sizeBytes: number;
  /** First and last byte, both included. */
  body(start: number, end: number): Body;
}

/** A whole file: its bytes go from the page cache to the socket without passing through this process. */
export function fileSource({ path, sizeBytes }: Linked): BlobSource {
  const file = Bun.file(path);
  const isWhole = (start: number, end: number) => start === 0 && end === sizeBytes - 1;
  return { sizeBytes, body: (start, end) => (isWhole(start, end) ? file : file.slice(start, end + 1)) };
}
