import { invalid } from "../../base/errors.ts";

declare const digestBrand: unique symbol;

/** `sha256:<64 hex>` or `sha512:<128 hex>` of exact bytes. Made only by `parseDigest` and `digestOf`. */
export type Digest = string & { readonly [digestBrand]: true };

export type DigestAlgorithm = "sha256" | "sha512";

const FORMS: Record<DigestAlgorithm, RegExp> = { sha256: /^[a-f0-9]{64}$/, sha512: /^[a-f0-9]{128}$/ };

/** Throws invalid-argument with the words of go-digest. */
export function parseDigest(text: string): Digest {
  const colon = text.indexOf(":");
  const algorithm = text.slice(0, Math.max(colon, 0));
  if (colon <= 0 || colon === text.length - 1) throw invalid("invalid checksum digest format");
  if (algorithm !== "sha256" && algorithm !== "sha512") throw invalid("unsupported digest algorithm");
  if (text.length - colon - 1 !== (algorithm === "sha256" ? 64 : 128)) throw invalid("invalid checksum digest length");
  if (!FORMS[algorithm].test(text.slice(colon + 1))) throw invalid("invalid checksum digest format");
  return text as Digest;
}

export function isDigest(text: string): text is Digest {
  try {
    parseDigest(text);
    return true;
  } catch {
    return false;
  }
}

export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(":") + 1);
}

/** The sha256 digest of bytes that are all at hand; streams go through a `DigestStream`. */
export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}` as Digest;
}

/** Counts and hashes what passes by. */
export interface DigestStream {
  readonly algorithm: DigestAlgorithm;
  readonly sizeBytes: number;
  update(bytes: Uint8Array): void;
  /** Ends the stream. */
  digest(): Digest;
}

export function createDigestStream(algorithm: DigestAlgorithm = "sha256"): DigestStream {
  const hasher = new Bun.CryptoHasher(algorithm);
  let sizeBytes = 0;
  return {
    algorithm,
    get sizeBytes() {
      return sizeBytes;
    },
    update(bytes) {
      sizeBytes += bytes.length;
      hasher.update(bytes);
    },
    digest: () => `${algorithm}:${hasher.digest("hex")}` as Digest,
  };
}
