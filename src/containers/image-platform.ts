import { EngineError } from "../base/errors.ts";
import { formatPlatform, type Platform, parsePlatformSpecifier, platformServes } from "../formats/oci/platform.ts";
import type { ContainerSpec } from "./container-spec.ts";

/**
 * Whether the image is for the platform that was asked for, or else for this host. Throws not-found, which makes the docker command
 * pull; returns warnings for the client. Texts are Docker's. Pure.
 */
export function checkPlatform(
  { image, platform }: Pick<ContainerSpec, "image" | "platform">,
  found: Platform,
  host: Platform,
): string[] {
  const own = platformOf(found);
  if (platform === undefined) {
    if (platformServes(host, own)) return [];
    return [
      `The requested image's platform (${formatPlatform(own)}) does not match the detected host platform ` +
        `(${formatPlatform(host)}) and no specific platform was requested`,
    ];
  }
  const asked = parsePlatformSpecifier(formatPlatform(platform).replace(/\/+$/, ""));
  if (platformServes(asked, own)) return [];
  throw new EngineError(
    "not-found",
    `image with reference ${image} was found but its platform (${formatPlatform(own)}) ` +
      `does not match the specified platform (${formatPlatform(asked)})`,
  );
}

function platformOf({ os, architecture, variant }: Platform): Platform {
  return { os: os || "linux", architecture, ...(variant ? { variant } : {}) };
}
