import type { RemoteImage, SearchResult } from "../../images/distribution.ts";
import type { WireDistributionInspect, WireSearchResult } from "../../wire/registry.ts";

export function encodeSearchResult(result: SearchResult): WireSearchResult {
  return {
    star_count: result.starCount,
    is_official: result.isOfficial,
    name: result.name,
    is_automated: result.isAutomated,
    description: result.description,
  };
}

export function encodeDistributionInspect({ descriptor, platforms }: RemoteImage): WireDistributionInspect {
  const { mediaType, digest, sizeBytes, annotations, artifactType } = descriptor;
  return {
    Descriptor: {
      mediaType,
      digest,
      size: sizeBytes,
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      ...(artifactType === undefined ? {} : { artifactType }),
    },
    Platforms: platforms.map(({ architecture, os, variant }) => ({
      architecture,
      os,
      ...(variant === undefined ? {} : { variant }),
    })),
  };
}
