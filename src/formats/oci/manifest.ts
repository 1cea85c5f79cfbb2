import { invalid } from "../../base/errors.ts";
import { type Descriptor, encodeDescriptor, parseDescriptor } from "./descriptor.ts";
import { type JsonObject, optionalArray, optionalObject, optionalString, parseDocument, stringMap } from "./json.ts";
import { isConfigType, isIndexType, isLayerType, isManifestType, MEDIA_TYPES } from "./media-types.ts";

/** Bytes of a manifest or index; registries accept at least 4 MiB, real ones hold kilobytes. */
export const MAX_MANIFEST_BYTES = 4 << 20;
/** Layers of one image; overlayfs takes 500 lower directories, Docker 127 layers. */
export const MAX_LAYERS = 500;
/** Manifests of one index. */
export const MAX_INDEX_ENTRIES = 1000;

export interface Manifest {
  mediaType: string;
  config: Descriptor;
  layers: Descriptor[];
  annotations: Record<string, string>;
  /** What this manifest is said about: makes it a referrer of that one. */
  subject?: Descriptor;
  artifactType?: string;
}

export interface ImageIndex {
  mediaType: string;
  manifests: Descriptor[];
  annotations: Record<string, string>;
  subject?: Descriptor;
  artifactType?: string;
}

/** An image manifest, or an index of them: told apart by content, which a server's Content-Type must agree with. */
export type ManifestDocument = ({ kind: "manifest" } & Manifest) | ({ kind: "index" } & ImageIndex);

/**
 * Refuses documents that could be read as both kinds (CVE-2021-41190), other schema versions, and media types that are not known.
 */
export function parseManifestDocument(bytes: Uint8Array, what = "manifest"): ManifestDocument {
  const document = parseDocument(bytes, MAX_MANIFEST_BYTES, what);
  if (document.schemaVersion !== 2)
    throw invalid(`${what}: unsupported schemaVersion ${String(document.schemaVersion)}`);
  const mediaType = optionalString(document, "mediaType", what);
  const isImage = "layers" in document || "config" in document;
  if (isImage === "manifests" in document || "fsLayers" in document) {
    throw invalid(`${what}: must be either an image manifest or an index`);
  }
  const annotations = stringMap(document, "annotations", what);
  const relation = parseRelation(document, what);
  if (!isImage) {
    if (mediaType !== undefined && !isIndexType(mediaType))
      throw invalid(`${what}: unexpected media type ${mediaType}`);
    const manifests = optionalArray(document, "manifests", what, MAX_INDEX_ENTRIES) ?? [];
    return {
      kind: "index",
      mediaType: mediaType ?? MEDIA_TYPES.ociIndex,
      manifests: manifests.map((value) => parseDescriptor(value, what)),
      annotations,
      ...relation,
    };
  }
  if (mediaType !== undefined && !isManifestType(mediaType))
    throw invalid(`${what}: unexpected media type ${mediaType}`);
  const config = parseDescriptor(document.config, `${what}: config`);
  const layers = (optionalArray(document, "layers", what, MAX_LAYERS) ?? []).map((value) =>
    parseDescriptor(value, `${what}: layer`),
  );
  const ownType = mediaType ?? MEDIA_TYPES.ociManifest;
  return { kind: "manifest", mediaType: ownType, config, layers, annotations, ...relation };
}

function parseRelation(document: JsonObject, what: string): Pick<Manifest, "subject" | "artifactType"> {
  const subject = optionalObject(document, "subject", what);
  const artifactType = optionalString(document, "artifactType", what);
  return {
    ...(subject === undefined ? {} : { subject: parseDescriptor(subject, `${what}: subject`) }),
    ...(artifactType === undefined || artifactType === "" ? {} : { artifactType }),
  };
}

/** Whether a container can stand on it: a known config type and layers that are file systems (not an artifact or attestation). */
export function isRunnable({ config, layers }: Manifest): boolean {
  return isConfigType(config.mediaType) && layers.every(({ mediaType }) => isLayerType(mediaType));
}

/** What a document of our own may say besides. Absent: OCI's type, no annotations. */
export interface DocumentExtras {
  mediaType?: string;
  annotations?: Record<string, string>;
}

/** Canonical bytes of a manifest that we write ourselves. */
export function encodeManifest(config: Descriptor, layers: Descriptor[], extras: DocumentExtras = {}): Uint8Array {
  const { mediaType = MEDIA_TYPES.ociManifest } = extras;
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: encodeDescriptor(config),
      layers: layers.map((layer) => encodeDescriptor(layer)),
      ...annotationsOf(extras),
    }),
  );
}

export function encodeIndex(
  manifests: Parameters<typeof encodeDescriptor>[0][],
  extras: DocumentExtras = {},
): Uint8Array {
  const { mediaType = MEDIA_TYPES.ociIndex } = extras;
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      manifests: manifests.map((manifest) => encodeDescriptor(manifest)),
      ...annotationsOf(extras),
    }),
  );
}

function annotationsOf({ annotations = {} }: DocumentExtras): { annotations?: Record<string, string> } {
  return Object.keys(annotations).length === 0 ? {} : { annotations };
}
