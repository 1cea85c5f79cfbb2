import { invalid } from "../../base/errors.ts";
import { type JsonObject, optionalString } from "./json.ts";

export interface Platform {
  os: string;
  architecture: string;
  variant?: string;
}

/** Names of architectures that people and kernels use, and the OCI (Go) name of each. */
const ARCHITECTURES: Record<string, Pick<Platform, "architecture" | "variant">> = {
  x86_64: { architecture: "amd64" },
  "x86-64": { architecture: "amd64" },
  x64: { architecture: "amd64" },
  aarch64: { architecture: "arm64" },
  armhf: { architecture: "arm", variant: "v7" },
  armel: { architecture: "arm", variant: "v6" },
  i386: { architecture: "386" },
};

const PART = /^[A-Za-z0-9_.-]+$/;

export function parsePlatform(value: JsonObject, what: string): Platform {
  const variant = optionalString(value, "variant", what);
  return {
    os: optionalString(value, "os", what) ?? "",
    architecture: optionalString(value, "architecture", what) ?? "",
    ...(variant === undefined || variant === "" ? {} : { variant }),
  };
}

/** `linux/arm64/v8`, `linux/amd64` or `arm64`, as `--platform` takes it. */
export function parsePlatformSpecifier(text: string): Platform {
  const parts = text.split("/");
  if (parts.length > 3 || parts.some((part) => !PART.test(part))) {
    throw invalid(`${JSON.stringify(text)}: invalid platform specifier: invalid argument`);
  }
  const [first = "", second, variant] = parts.map((part) => part.toLowerCase());
  if (second === undefined && first !== "linux") return normalisePlatform({ os: "linux", architecture: first });
  return normalisePlatform({
    os: first,
    architecture: second ?? hostPlatform().architecture,
    ...(variant === undefined ? {} : { variant }),
  });
}

export function hostPlatform(arch: string = process.arch): Platform {
  return { os: "linux", architecture: arch === "arm64" ? "arm64" : "amd64" };
}

/** One spelling for each platform: `aarch64` is arm64, and arm64 without a variant is v8. */
export function normalisePlatform(platform: Platform): Platform {
  const known = ARCHITECTURES[platform.architecture];
  const architecture = known?.architecture ?? platform.architecture;
  const variant = platform.variant ?? known?.variant;
  const redundant = (architecture === "arm64" && variant === "v8") || (architecture === "amd64" && variant === "v1");
  return { os: platform.os, architecture, ...(variant === undefined || redundant ? {} : { variant }) };
}

/** Whether an image for `candidate` serves a request for `wanted`; a request without a variant takes any. */
export function platformMatches(wanted: Platform, candidate: Platform): boolean {
  const [left, right] = [normalisePlatform(wanted), normalisePlatform(candidate)];
  return (
    left.os === right.os &&
    left.architecture === right.architecture &&
    (left.variant === undefined || left.variant === right.variant)
  );
}

/** What an architecture has without a variant, and the older architecture whose programs it runs as well. */
const FAMILIES: Record<string, { variant: string; also?: Platform["architecture"] }> = {
  amd64: { variant: "v1", also: "386" },
  arm64: { variant: "v8", also: "arm" },
  arm: { variant: "v7" },
};

/**
 * Whether programs for `candidate` run where `wanted` does: lower variants and the 32-bit sibling do. A candidate that does not say
 * its variant is taken at its word: many images of ARM leave it out.
 */
export function platformServes(wanted: Platform, candidate: Platform): boolean {
  const [host, image] = [normalisePlatform(wanted), normalisePlatform(candidate)];
  if (host.os !== image.os) return false;
  const family = FAMILIES[host.architecture];
  if (host.architecture !== image.architecture) return family?.also === image.architecture;
  if (image.variant === undefined) return true;
  const level = (platform: Platform) => platform.variant ?? family?.variant ?? "";
  return level(image) <= level(host);
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join("/");
}
