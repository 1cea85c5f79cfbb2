import type { ErrorValue } from "../../base/error-value.ts";

/** A file that is to be made. `xattrs`: as `SourceEntry` has them. */
export interface NewFile {
  /** Chosen by who asks. */
  id: number;
  path: string;
  mode: number;
  modifiedNs: bigint;
  xattrs: string;
}

/** One step of writing a directory. Paths are relative to it. */
export type WriteStep =
  /** A new file, whole. What is in its place goes first. */
  | ({ step: "file"; data: Uint8Array } & NewFile)
  /** The same in pieces, many files at once. */
  | ({ step: "open" } & NewFile)
  | { step: "data"; id: number; data: Uint8Array }
  | { step: "close"; id: number }
  | { step: "directory"; path: string }
  | { step: "symlink"; path: string; target: string; modifiedNs: bigint }
  | {
      step: "node";
      path: string;
      type: "fifo" | "character" | "block";
      mode: number;
      major: number;
      minor: number;
      modifiedNs: bigint;
    }
  /** Another name of a file that is there. */
  | { step: "link"; path: string; to: string }
  /** With all below it. Nothing there: nothing. */
  | { step: "remove"; path: string }
  /** Of a directory, when all in it is done. */
  | { step: "describe"; path: string; mode: number; modifiedNs: bigint };

export type WriterOrder = { directory: string } | { steps: WriteStep[] } | { end: true };

/** One for each order. `digests`: of the files that were completed. */
export type WriterReply = { digests: [id: number, digest: string][] } | { failed: ErrorValue };
