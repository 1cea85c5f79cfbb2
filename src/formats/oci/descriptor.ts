import { invalid } from "../../base/errors.ts";
import { type Digest, parseDigest } from "./digest.ts";
import { isObject, type JsonObject, optionalObject, optionalString, stringMap } from "./json.ts";
import { type Platform, parsePlatform } from "./platform.ts";

/** Points at bytes: what they are, their digest, their number. @see OCI image-spec descriptor.md */
export interface Descriptor {
  mediaType: string;
  digest: Digest;
  sizeBytes: number;
  annotations: Record<string, string>;
  platform?: Platform;
  artifactType?: string;
}

export function parseDescriptor(value: unknown, what: string): Descriptor {
  if (!isObject(value)) throw invalid(`${what}: descriptor is not an object`);
  const mediaType = optionalString(value, "mediaType", what) ?? "";
  const { size } = value;
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) throw invalid(`${what}: invalid size`);
  const platform = optionalObject(value, "platform", what);
  const artifactType = optionalString(value, "artifactType", what);
  return {
    mediaType,
    digest: descriptorDigest(value, what),
    sizeBytes: size,
    annotations: stringMap(value, "annotations", what),
    ...(platform === undefined ? {} : { platform: parsePlatform(platform, what) }),
    ...(artifactType === undefined ? {} : { artifactType }),
  };
}

function descriptorDigest(value: JsonObject, what: string): Digest {
  const text = optionalString(value, "digest", what);
  if (text === undefined) throw invalid(`${what}: descriptor without digest`);
  try {
    return parseDigest(text);
  } catch (cause) {
    throw invalid(`${what}: ${(cause as Error).message}: ${JSON.stringify(text.slice(0, 100))}`, { cause });
  }
}

/** The document's form, for writing manifests and indexes. */
export function encodeDescriptor(
  descriptor: Omit<Descriptor, "annotations"> & { annotations?: Record<string, string> },
): JsonObject {
  const { mediaType, digest, sizeBytes, annotations, platform } = descriptor;
  return {
    mediaType,
    digest,
    size: sizeBytes,
    ...(annotations !== undefined && Object.keys(annotations).length > 0 ? { annotations } : {}),
    ...(platform === undefined ? {} : { platform }),
  };
}
