import type { Descriptor } from "../../../formats/oci/descriptor.ts";
import { digestOf } from "../../../formats/oci/digest.ts";

/** A blob of an image that is all at hand. */
export interface ImageFile {
  descriptor: Descriptor;
  bytes: Uint8Array;
}

export function imageFile(mediaType: string, bytes: Uint8Array, annotations: Record<string, string> = {}): ImageFile {
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), sizeBytes: bytes.length, annotations } };
}
