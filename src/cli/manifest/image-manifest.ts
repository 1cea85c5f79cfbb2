import type { CliContext } from "../command.ts";
import { fetchPlatform, isOciManifest, type ManifestDescriptor, type RemoteManifest } from "./remote-manifest.ts";

/** The manifest of one image as `inspect --verbose` shows it, and as Docker's client keeps it in a local list. */
export interface ImageManifest {
  Ref: string;
  Descriptor: ManifestDescriptor;
  /** The registry's bytes, in base64. */
  Raw: string;
  OCIManifest?: unknown;
  SchemaV2Manifest?: unknown;
}

/** `known`: the descriptor in an index, which tells the platform; else the registry is asked for it. Throws where it is no JSON. */
export async function describeImage(
  context: CliContext,
  reference: string,
  { mediaType, digest, text }: RemoteManifest,
  options: { insecure: boolean; known?: ManifestDescriptor },
): Promise<ImageManifest> {
  const { known, insecure } = options;
  const platform = known === undefined ? await fetchPlatform(context, reference, insecure) : known.platform;
  const size = Buffer.byteLength(text);
  const document: unknown = JSON.parse(text);
  return {
    Ref: reference,
    Descriptor: { mediaType, digest, size, ...(platform === undefined ? {} : { platform }) },
    Raw: Buffer.from(text).toString("base64"),
    ...(isOciManifest(mediaType) ? { OCIManifest: document } : { SchemaV2Manifest: document }),
  };
}
