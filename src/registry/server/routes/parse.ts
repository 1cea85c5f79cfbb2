import { isKind } from "../../../base/errors.ts";
import { type Digest, parseDigest } from "../../../formats/oci/digest.ts";
import { isTag } from "../../../formats/reference/reference.ts";
import { DistributionError } from "../http/error-codes.ts";

/** Throws DIGEST_INVALID. */
export function readDigest(text: string): Digest {
  try {
    return parseDigest(text);
  } catch (error) {
    if (!isKind(error, "invalid-argument")) throw error;
    throw new DistributionError("DIGEST_INVALID", { message: (error as Error).message, cause: error });
  }
}

export type ManifestName = { digest: Digest } | { tag: string };

/** A tag has no colon, a digest has. Throws DIGEST_INVALID or TAG_INVALID. */
export function readManifestName(reference: string): ManifestName {
  return reference.includes(":") ? { digest: readDigest(reference) } : { tag: readTag(reference) };
}

export function readTag(text: string): string {
  if (!isTag(text)) throw new DistributionError("TAG_INVALID", { detail: { tag: text.slice(0, 300) } });
  return text;
}
