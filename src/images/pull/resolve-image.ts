import { EngineError, invalid } from "../../base/errors.ts";
import type { Descriptor } from "../../formats/oci/descriptor.ts";
import { isIndexType, isManifestType } from "../../formats/oci/media-types.ts";
import { isRunnable, type Manifest, type ManifestDocument, parseManifestDocument } from "../../formats/oci/manifest.ts";
import { formatPlatform, type Platform } from "../../formats/oci/platform.ts";
import type { RemoteDocument, Repository } from "../../registry/client/registry-client.ts";
import { choosePlatform } from "./choose-platform.ts";

/** What a name is at its registry, and the manifest for one platform. */
export interface ResolvedImage {
  /** What the name names. */
  target: RemoteDocument;
  /** Index documents on the way, the target among them if it is one. */
  indexes: RemoteDocument[];
  document: RemoteDocument;
  manifest: Manifest;
}

/** Indexes within indexes. */
const MAX_NESTING = 4;

/**
 * Reads manifests until there is one for `platform`. Throws not-found where the registry has none, invalid-argument for documents
 * that are not what they are said to be or are no images.
 */
export async function resolveImage(
  repository: Pick<Repository, "manifest">,
  reference: string,
  { platform, signal }: { platform: Platform; signal: AbortSignal },
): Promise<ResolvedImage> {
  const target = await repository.manifest(reference, signal);
  const indexes: RemoteDocument[] = [];
  let current = target;
  let parsed = parseRemote(current);
  while (parsed.kind === "index") {
    if (indexes.length === MAX_NESTING) throw invalid(`${reference}: indexes nested too deeply`);
    indexes.push(current);
    const chosen = choosePlatform(parsed.manifests, platform);
    if (chosen === undefined) {
      throw new EngineError(
        "not-found",
        `no matching manifest for ${formatPlatform(platform)} in the manifest list entries`,
      );
    }
    current = await fetchChild(repository, chosen, signal);
    parsed = parseRemote(current);
  }
  if (!isRunnable(parsed)) throw notAnImage(parsed);
  return { target, indexes, document: current, manifest: parsed };
}

async function fetchChild(
  repository: Pick<Repository, "manifest">,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<RemoteDocument> {
  const child = await repository.manifest(descriptor.digest, signal);
  if (child.bytes.length !== descriptor.sizeBytes) {
    throw invalid(
      `manifest ${descriptor.digest} has ${child.bytes.length} bytes, ${descriptor.sizeBytes} were announced`,
    );
  }
  const isIndex = parseRemote(child).kind === "index";
  if (isIndexType(descriptor.mediaType) !== isIndex) {
    throw invalid(`manifest ${descriptor.digest} is not of media type ${descriptor.mediaType}`);
  }
  return child;
}

/** The server's Content-Type must agree with what the bytes are. @see CVE-2021-41190 */
export function parseRemote({ bytes, digest, mediaType }: RemoteDocument): ManifestDocument {
  const document = parseManifestDocument(bytes, `manifest ${digest}`);
  const isKnown = isIndexType(mediaType) || isManifestType(mediaType);
  if (isKnown && mediaType !== document.mediaType && "mediaType" in JSON.parse(Buffer.from(bytes).toString())) {
    throw invalid(`manifest ${digest} says ${document.mediaType}, its server ${mediaType}`);
  }
  if (isKnown && isIndexType(mediaType) !== (document.kind === "index")) {
    throw invalid(`manifest ${digest} is not of media type ${mediaType}`);
  }
  return document;
}

/** Docker's words for charts, signatures and the like. */
function notAnImage({ config, layers }: Manifest): EngineError {
  const unknown = layers.find(({ mediaType }) => !mediaType.includes("image") && !mediaType.includes("layer"));
  const mediaType = config.mediaType.includes("image") ? (unknown?.mediaType ?? config.mediaType) : config.mediaType;
  return invalid(`Encountered remote ${JSON.stringify(mediaType)}(unknown) when fetching`);
}
