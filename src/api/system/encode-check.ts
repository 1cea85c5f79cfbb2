import type { CheckReport } from "../../engine/check/check-store.ts";
import type { WireCheckReport } from "../../wire/system.ts";

export function encodeCheckReport({ problems, blobs, blobBytes, layers, images }: CheckReport): WireCheckReport {
  return {
    Problems: problems.map(({ kind, object, fault, repaired, remedy }) => ({
      Kind: kind,
      Object: object,
      Fault: fault,
      Repaired: repaired,
      ...(remedy === undefined ? {} : { Remedy: remedy }),
    })),
    Blobs: blobs,
    BlobBytes: blobBytes,
    Layers: layers,
    Images: images,
  };
}
