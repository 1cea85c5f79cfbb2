/** @see OCI image-spec media-types.md and Docker's image manifest v2 schema 2. */
export const MEDIA_TYPES = {
  ociIndex: "application/vnd.oci.image.index.v1+json",
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociConfig: "application/vnd.oci.image.config.v1+json",
  ociLayer: "application/vnd.oci.image.layer.v1.tar",
  ociLayerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  ociLayerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  dockerIndex: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar",
  dockerLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
} as const;

export type Compression = "none" | "gzip" | "zstd";

/** Includes the deprecated non-distributable types, which old images still carry. */
const LAYER_COMPRESSION: Record<string, Compression> = {
  [MEDIA_TYPES.ociLayer]: "none",
  [MEDIA_TYPES.ociLayerGzip]: "gzip",
  [MEDIA_TYPES.ociLayerZstd]: "zstd",
  [MEDIA_TYPES.dockerLayer]: "none",
  [MEDIA_TYPES.dockerLayerGzip]: "gzip",
  "application/vnd.docker.image.rootfs.diff.tar.zstd": "zstd",
  "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip": "gzip",
  "application/vnd.oci.image.layer.nondistributable.v1.tar": "none",
  "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip": "gzip",
  "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd": "zstd",
};

export function isIndexType(mediaType: string): boolean {
  return mediaType === MEDIA_TYPES.ociIndex || mediaType === MEDIA_TYPES.dockerIndex;
}

export function isManifestType(mediaType: string): boolean {
  return mediaType === MEDIA_TYPES.ociManifest || mediaType === MEDIA_TYPES.dockerManifest;
}

export function isConfigType(mediaType: string): boolean {
  return mediaType === MEDIA_TYPES.ociConfig || mediaType === MEDIA_TYPES.dockerConfig;
}

export function isLayerType(mediaType: string): boolean {
  return Object.hasOwn(LAYER_COMPRESSION, mediaType);
}

/** How a layer of this type lies; "none" for types that are not known. */
export function layerCompression(mediaType: string): Compression {
  return Object.hasOwn(LAYER_COMPRESSION, mediaType) ? (LAYER_COMPRESSION[mediaType] as Compression) : "none";
}

/** Docker's type for what OCI calls so; what it does not know stays. */
export function dockerType(mediaType: string): string {
  const types: Record<string, string> = {
    [MEDIA_TYPES.ociIndex]: MEDIA_TYPES.dockerIndex,
    [MEDIA_TYPES.ociManifest]: MEDIA_TYPES.dockerManifest,
    [MEDIA_TYPES.ociConfig]: MEDIA_TYPES.dockerConfig,
    [MEDIA_TYPES.ociLayer]: MEDIA_TYPES.dockerLayer,
    [MEDIA_TYPES.ociLayerGzip]: MEDIA_TYPES.dockerLayerGzip,
  };
  return types[mediaType] ?? mediaType;
}

/** The OCI type of a layer that lies so. */
export function layerType(compression: Compression): string {
  switch (compression) {
    case "none":
      return MEDIA_TYPES.ociLayer;
    case "gzip":
      return MEDIA_TYPES.ociLayerGzip;
    case "zstd":
      return MEDIA_TYPES.ociLayerZstd;
  }
}

/** By magic number: what a blob is, whatever it is said to be. */
export function detectCompression(head: Uint8Array): Compression | "xz" | "bzip2" {
  const starts = (...magic: number[]) => magic.every((byte, index) => head[index] === byte);
  if (starts(0x1f, 0x8b)) return "gzip";
  if (starts(0x28, 0xb5, 0x2f, 0xfd)) return "zstd";
  if (starts(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)) return "xz";
  if (starts(0x42, 0x5a, 0x68)) return "bzip2";
  return "none";
}
