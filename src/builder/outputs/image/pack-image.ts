import { type Digest, digestOf } from "../../../formats/oci/digest.ts";
import type { Descriptor } from "../../../formats/oci/descriptor.ts";
import { encodeIndex, encodeManifest } from "../../../formats/oci/manifest.ts";
import { dockerType, MEDIA_TYPES } from "../../../formats/oci/media-types.ts";
import { hostPlatform } from "../../../formats/oci/platform.ts";
import { choosePlatform } from "../../../images/pull/choose-platform.ts";
import type { LayerRow } from "../../../storage/records/images.ts";
import { inlineCache } from "../cache/inline-cache.ts";
import type { CachedResult } from "../../remote-cache.ts";
import type { SolvedTarget } from "../../builder.ts";
import { attestationManifest } from "../attestations/attestation-manifest.ts";
import type { Packaging } from "../attributes.ts";
import type { Predicate } from "../export-context.ts";
import { type ImageFile, imageFile } from "./image-file.ts";

export interface PackedPlatform {
  target: SolvedTarget;
  /** As the manifest names them. */
  layers: LayerRow[];
  config: ImageFile;
  manifest: ImageFile;
}

/** An image with everything that is said of it, as documents; only blobs of layers are elsewhere. */
export interface PackedImage {
  /** Never empty. */
  platforms: PackedPlatform[];
  /** What a name of it stands for: the index, or the only manifest. */
  top: ImageFile;
  /** undefined: the top is a manifest. */
  index: ImageFile | undefined;
  /** All of them, the top last, what is named before what names it. */
  files: ImageFile[];
}

export interface PackRequest {
  /** Layers: ready to go out, or where they stay here as they are. */
  targets: { target: SolvedTarget; layers: LayerRow[]; predicates: Predicate[] }[];
  packaging: Pick<Packaging, "ociTypes" | "annotations">;
  /** Names that the image gets, for what is said about it. */
  names: string[];
  /** Results whose keys are written into the config. undefined: no inline cache. */
  inline: CachedResult[] | undefined;
}

/** Pure: the same layers and configs give the same bytes. */
export function packImage({ targets, packaging, names, inline }: PackRequest): PackedImage {
  const platforms = targets.map(({ target, layers }) => packPlatform({ target, layers, packaging, inline }));
  const files = platforms.flatMap(({ config, manifest }) => [config, manifest]);
  const entries: Descriptor[] = platforms.map(({ target, manifest }) => ({
    ...manifest.descriptor,
    platform: target.platform,
    annotations: packaging.annotations.manifestDescriptor(target.platform),
  }));
  for (const [at, { predicates }] of targets.entries()) {
    const { manifest, target } = platforms[at] as PackedPlatform;
    if (predicates.length === 0) continue;
    const attestation = attestationManifest({ predicates, subject: manifest.descriptor.digest, names, target });
    files.push(...attestation.files);
    entries.push(attestation.descriptor);
  }
  const [first] = platforms;
  if (first === undefined) throw new Error("an image of no platform");
  if (entries.length === 1 && Object.keys(packaging.annotations.index).length === 0) {
    return { platforms, top: first.manifest, index: undefined, files };
  }
  const mediaType = typeFor(packaging, MEDIA_TYPES.ociIndex);
  const index = imageFile(mediaType, encodeIndex(entries, { mediaType, annotations: packaging.annotations.index }));
  return { platforms, top: index, index, files: [...files, index] };
}

function packPlatform({
  target,
  layers,
  packaging,
  inline,
}: Pick<PackRequest, "packaging" | "inline"> & { target: SolvedTarget; layers: LayerRow[] }): PackedPlatform {
  const config = imageFile(typeFor(packaging, MEDIA_TYPES.ociConfig), configOf(target, layers, inline));
  const typed = layers.map((layer) => ({ ...layer, mediaType: typeFor(packaging, ociTypeOf(layer.mediaType)) }));
  const mediaType = typeFor(packaging, MEDIA_TYPES.ociManifest);
  const annotations = packaging.annotations.manifest(target.platform);
  const manifest = encodeManifest(config.descriptor, typed.map(layerDescriptor), { mediaType, annotations });
  return { target, layers: typed, config, manifest: imageFile(mediaType, manifest) };
}

function configOf(target: SolvedTarget, layers: LayerRow[], inline: CachedResult[] | undefined): Uint8Array {
  const document = {
    created: target.result.createdAt.toISOString(),
    ...target.config,
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
  };
  return Buffer.from(JSON.stringify({ ...document, ...(inline === undefined ? {} : inlineCache(layers, inline)) }));
}

function layerDescriptor({ digest, sizeBytes, mediaType }: LayerRow): Descriptor {
  return { digest, sizeBytes, mediaType, annotations: {} };
}

function typeFor({ ociTypes }: Pick<Packaging, "ociTypes">, ociType: string): string {
  return ociTypes ? ociType : dockerType(ociType);
}

/** Layers of a base may come with Docker's types: a manifest has one family of them. */
function ociTypeOf(mediaType: string): string {
  const types = [MEDIA_TYPES.ociLayer, MEDIA_TYPES.ociLayerGzip];
  return types.find((type) => dockerType(type) === mediaType) ?? mediaType;
}

/** The digest by which Docker knows an image. */
export function imageIdOf({ config }: PackedPlatform): Digest {
  return digestOf(config.bytes);
}

/** The one that a name leads to here. */
export function mainPlatform({ platforms }: PackedImage): PackedPlatform {
  const withPlatforms = platforms.map((one) => ({ one, platform: one.target.platform }));
  const main = choosePlatform(withPlatforms, hostPlatform())?.one ?? platforms[0];
  if (main === undefined) throw new Error("an image of no platform");
  return main;
}
