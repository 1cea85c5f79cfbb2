/** How long a server may take, in milliseconds. */
export interface Timeouts {
  /** Until the head of an answer is there, from the moment the request can be sent. */
  headMs: number;
  /** Until a document has arrived whole. */
  bodyMs: number;
  /** An upload that moves no byte for so long is given up. */
  uploadStallMs: number;
  /** To answer after the last byte of an upload: the registry may have to copy the blob to where it stays. */
  commitMs: number;
}

export const TIMEOUTS: Timeouts = { headMs: 30_000, bodyMs: 60_000, uploadStallMs: 60_000, commitMs: 600_000 };
