import type { Digest } from "../../../formats/oci/digest.ts";

/**
 * The registry behind a mirror. `undefined` is its 404; an Error of any kind means that it cannot be asked now (down, busy, or it
 * refuses us). Nothing that it says is believed: the mirror checks digests itself.
 */
export interface Upstream {
  /** `reference`: a tag or a digest. At most `MAX_MANIFEST_BYTES`. */
  getManifest(repository: string, reference: string, accept: readonly string[]): Promise<UpstreamManifest | undefined>;
  /** undefined as well where it does not say the digest. */
  headManifest(repository: string, reference: string, accept: readonly string[]): Promise<Digest | undefined>;
  /** The caller reads the body to its end, or cancels it. */
  getBlob(repository: string, digest: Digest): Promise<UpstreamBlob | undefined>;
}

export interface UpstreamManifest {
  bytes: Uint8Array;
  mediaType: string;
}

export interface UpstreamBlob {
  /** undefined: it does not say. */
  sizeBytes: number | undefined;
  body: ReadableStream<Uint8Array>;
}
