import { normalisePlatform, type Platform } from "../../formats/oci/platform.ts";

const OPERATING_SYSTEMS = new Set(
  "aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris windows zos".split(
    " ",
  ),
);
const ARCHITECTURES = new Set(
  "386 amd64 arm arm64 armhf armel aarch64 x86_64 x86-64 i386 i686 loong64 mips mipsle mips64 mips64le ppc64 ppc64le riscv64 s390x wasm".split(
    " ",
  ),
);
const PART = /^[A-Za-z0-9_.-]+$/;
const OS_PART = /^[A-Za-z0-9_-]+(\([A-Za-z0-9_.-]*\))?$/;

/** `os[/arch[/variant]]` or an architecture alone. Throws in the words of containerd's platforms.Parse. Pure. */
export function parsePlatform(text: string, hostArchitecture: string): Platform {
  const shown = JSON.stringify(text);
  const parts = text.split("/");
  if (parts.length > 3) throw new Error(`${shown}: cannot parse platform specifier: invalid argument`);
  for (const [index, part] of parts.entries()) {
    const quoted = JSON.stringify(part);
    if (index === 0 && !OS_PART.test(part)) {
      throw new Error(
        `${quoted} is an invalid OS component of ${shown}: OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)(?:\\\\(([A-Za-z0-9_.-]*)\\\\))?$": invalid argument`,
      );
    }
    if (index > 0 && !PART.test(part)) {
      throw new Error(
        `${quoted} is an invalid component of ${shown}: platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument`,
      );
    }
  }
  const [first = "", second, variant] = parts.map((part) => part.toLowerCase());
  if (second !== undefined) {
    return normalisePlatform({ os: first, architecture: second, ...(variant === undefined ? {} : { variant }) });
  }
  if (OPERATING_SYSTEMS.has(first.replace(/\(.*/, ""))) return { os: first, architecture: hostArchitecture };
  if (ARCHITECTURES.has(first)) return normalisePlatform({ os: "linux", architecture: first });
  throw new Error(`${shown}: unknown operating system or architecture: invalid argument`);
}

/** Go's name of this machine's architecture. */
function hostArchitecture(): string {
  return process.arch === "x64" ? "amd64" : process.arch;
}

/** `--platform` of the image verbs as the API's JSON; "" stays "". Throws when it cannot be one. */
export function platformQuery(text: string): string {
  return text === "" ? "" : platformJson(parsePlatform(text, hostArchitecture()));
}

/** The same for a flag that may be given again and takes several with commas; the error has Docker's prefix. */
export function platformQueries(texts: readonly string[]): string[] {
  return texts
    .flatMap((text) => text.split(","))
    .map((text) => {
      try {
        return platformQuery(text);
      } catch (error) {
        throw new Error(`invalid platform: ${(error as Error).message}`);
      }
    });
}

/** `--platform` of run and create, in its full form: `linux/arm/v7`. "" stays "". */
export function platformName(text: string): string {
  if (text === "") return "";
  try {
    const { os, architecture, variant } = parsePlatform(text, hostArchitecture());
    return [os, architecture, ...(variant === undefined ? [] : [variant])].join("/");
  } catch (error) {
    throw new Error(`error parsing specified platform: ${(error as Error).message}`);
  }
}

function platformJson({ os, architecture, variant }: Platform): string {
  return JSON.stringify({ architecture, os, ...(variant === undefined ? {} : { variant }) });
}
