import { familiarReference, type Reference } from "../../../formats/reference/reference.ts";
import { encodeIndex } from "../../../formats/oci/manifest.ts";
import { blobName } from "../../../images/load/resolve.ts";
import { blobBytes } from "../../../images/save/blob-bytes.ts";
import { nameAnnotations } from "../../../images/store.ts";
import type { ExportContext } from "../export-context.ts";
import type { PackedImage, PackedPlatform } from "../image/pack-image.ts";
import { type ListedFile, listedBytes } from "./file-list.ts";

/**
 * The files of an OCI layout, layers first: whoever reads them can unpack them while the rest arrives. `listing`: with Docker's
 * `manifest.json`, which is of the image that the names lead to; its layers must be held.
 */
export function layoutFiles(
  { deps, signal }: Pick<ExportContext, "deps" | "signal">,
  {
    packed,
    main,
    references,
    listing,
  }: {
    packed: PackedImage;
    main: PackedPlatform;
    references: Reference[];
    listing: boolean;
  },
): ListedFile[] {
  const layers = packed.platforms.flatMap((one) => one.layers);
  const blobs = [...new Map(layers.map((layer) => [layer.digest, layer])).keys()].map((digest): ListedFile => {
    const blob = deps.content.stat(digest);
    if (blob === undefined) throw new Error(`content ${digest} is missing`);
    return { path: blobName(digest), sizeBytes: blob.sizeBytes, read: () => blobBytes(blob, signal) };
  });
  const documents = new Map(packed.files.map(({ descriptor, bytes }) => [blobName(descriptor.digest), bytes]));
  const { descriptor } = packed.top;
  const named = references.map((reference) => ({
    ...descriptor,
    annotations: { ...descriptor.annotations, ...nameAnnotations(reference), ...createdBy(main) },
  }));
  const index = encodeIndex(named.length === 0 ? [descriptor] : named);
  return [
    ...blobs,
    ...[...documents].map(([path, bytes]) => listedBytes(path, bytes)),
    listedBytes("index.json", index),
    ...(listing ? [listedBytes("manifest.json", dockerListing(main, references))] : []),
    listedBytes("oci-layout", Buffer.from(JSON.stringify({ imageLayoutVersion: "1.0.0" }))),
  ];
}

function createdBy({ config }: PackedPlatform): Record<string, string> {
  const { created } = JSON.parse(Buffer.from(config.bytes).toString()) as { created?: string };
  return created === undefined ? {} : { "org.opencontainers.image.created": created };
}

/** @see moby image spec v1.2 "Combined Image JSON + Filesystem Changeset Format" */
function dockerListing({ config, layers }: PackedPlatform, references: Reference[]): Uint8Array {
  const listing = [
    {
      Config: blobName(config.descriptor.digest),
      RepoTags: references.length === 0 ? null : references.map(familiarReference),
      Layers: layers.map(({ digest }) => blobName(digest)),
    },
  ];
  return Buffer.from(JSON.stringify(listing));
}
