import type { Digest, DigestAlgorithm } from "../../formats/oci/digest.ts";
import type { Stray } from "../stray.ts";

/**
 * Bytes known by their digest. Life of a blob: `ingest` → `write`… → `commit` (verified, durable, read-only, renamed) or `abort`.
 * The directory is a valid OCI image layout at all times. Several writers of the same digest do not disturb each other.
 */
export interface Content {
  has(digest: Digest): boolean;
  /** undefined: not here. The file at `path` is read-only and never changes. */
  stat(digest: Digest): Blob | undefined;
  /** Throws not-found, or invalid-argument when the blob is larger than `limitBytes`. */
  read(digest: Digest, limitBytes: number): Promise<Uint8Array>;
  /** `algorithm`: of the digest that is expected; sha256 unless said otherwise. */
  ingest(algorithm?: DigestAlgorithm): Promise<Ingest>;
  /** A document that is all at hand. `algorithm`: sha256 unless said otherwise. */
  put(bytes: Uint8Array, algorithm?: DigestAlgorithm): Promise<Blob>;
  /** Out of sight when the call returns; resolves when its space is free. Absent: nothing. */
  remove(digest: Digest): Promise<void>;
  list(): Blob[];
  /** Blobs whose digest is known beforehand and that need not come in one piece: downloads. */
  readonly partials: Partials;
  /** What lies in the directory and belongs to nothing. */
  audit(): Stray[];
  /** Rewrites `index.json`: what other programs see in the layout. */
  writeIndex(index: Uint8Array): Promise<void>;
}

export interface PartialBlob {
  digest: Digest;
  sizeBytes: number;
  modifiedAt: Date;
}

export interface Partials {
  /** Goes on from what an earlier attempt has left, also one of an earlier daemon. One writer at a time for each digest. */
  open(digest: Digest): Promise<PartialIngest>;
  list(): PartialBlob[];
  /** Absent, or being written: nothing. */
  remove(digest: Digest): void;
}

export interface Blob {
  digest: Digest;
  sizeBytes: number;
  path: string;
}

export interface Ingest {
  /** Where the bytes are gathered; a reader may follow the writer. */
  readonly path: string;
  readonly sizeBytes: number;
  write(bytes: Uint8Array | Uint8Array[]): Promise<void>;
  /** Throws invalid-argument, and aborts, when the bytes are not what was expected. */
  commit(expected?: Partial<Expected>): Promise<Blob>;
  /** For one who has hashed the file elsewhere (an unpacking worker). */
  commitVerified(actual: Expected): Promise<Blob>;
  abort(): Promise<void>;
}

/** Bytes in their order, not yet verified. Ends in exactly one of `commitVerified`, `suspend` and `discard`. */
export interface PartialIngest {
  readonly path: string;
  /** What is there; 0 for a fresh one. */
  readonly sizeBytes: number;
  write(bytes: Uint8Array): Promise<void>;
  /** Throws internal when this is not the blob's digest: whoever verified has read another file. */
  commitVerified(actual: Expected): Promise<Blob>;
  /** Closes it and keeps the bytes for another attempt. */
  suspend(): Promise<void>;
  discard(): Promise<void>;
}

export interface Expected {
  digest: Digest;
  sizeBytes: number;
}
