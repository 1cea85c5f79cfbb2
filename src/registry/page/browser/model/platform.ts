import { object, text } from "./json.ts";

export interface Platform {
  os: string;
  architecture: string;
  variant: string;
  osVersion: string;
}

/** The platform of a descriptor or of an image's config: both name it with the same fields. */
export function parsePlatform(value: unknown): Platform {
  const fields = object(value);
  return {
    os: text(fields.os),
    architecture: text(fields.architecture),
    variant: text(fields.variant),
    osVersion: text(fields["os.version"]),
  };
}

/** `linux/arm64/v8`, as `--platform` takes it. Empty where nothing is known. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter((part) => part !== "").join("/");
}

export function isKnown({ os, architecture }: Platform): boolean {
  return architecture !== "" && architecture !== "unknown" && os !== "unknown";
}
