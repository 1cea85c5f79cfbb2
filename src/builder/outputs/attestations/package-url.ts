import { formatPlatform, type Platform } from "../../../formats/oci/platform.ts";
import { familiarName, parseReference } from "../../../formats/reference/reference.ts";

/** `pkg:docker/busybox@latest?platform=linux%2Famd64`. @see package-url purl-spec, type docker */
export function imagePackageUrl(reference: string, platform: Platform | undefined): string {
  const parsed = parseReference(reference);
  const version = parsed.tag ?? parsed.digest;
  const qualifiers = [
    ...(parsed.tag !== undefined && parsed.digest !== undefined ? [`digest=${parsed.digest}`] : []),
    ...(platform === undefined ? [] : [`platform=${encodeURIComponent(formatPlatform(platform))}`]),
  ];
  const query = qualifiers.length === 0 ? "" : `?${qualifiers.join("&")}`;
  return `pkg:docker/${familiarName(parsed)}${version === undefined ? "" : `@${version}`}${query}`;
}
