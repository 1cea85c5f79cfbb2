import { EngineError } from "../../base/errors.ts";
import { formatPlatform, normalisePlatform, type Platform } from "../../formats/oci/platform.ts";
import { familiarReference, parseReference } from "../../formats/reference/reference.ts";
import type { ContextSource } from "../builder.ts";

/** Finds the `--build-context` that stands in for an image or stage; one for a platform (`name::linux/arm64`) before one for all. */
export interface NamedContexts {
  find(name: string, platform: Platform): { name: string; source: ContextSource } | undefined;
}

/** Names that are never looked up: they mean something of their own. @see BuildKit dockerfile2llb/convert.go `namedContextFunc` */
const RESERVED = ["scratch", "context"];

export function createNamedContexts(contexts: Record<string, ContextSource>): NamedContexts {
  const byKey = new Map<string, { name: string; source: ContextSource }>();
  for (const [name, source] of Object.entries(contexts)) {
    const at = name.indexOf("::");
    const key = at === -1 ? plainName(name) : `${plainName(name.slice(0, at))}${name.slice(at)}`;
    byKey.set(key, { name, source });
  }
  return {
    find(name, platform) {
      if (byKey.size === 0 || RESERVED.includes(name.toLowerCase())) return undefined;
      const plain = plainName(name);
      return byKey.get(`${plain}::${formatPlatform(normalisePlatform(platform))}`) ?? byKey.get(plain);
    },
  };
}

/** `docker.io/library/alpine:latest` and `alpine` are one name. What is no image's name is taken as it is. */
function plainName(name: string): string {
  try {
    return familiarReference(parseReference(name)).replace(/:latest$/, "");
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return name;
  }
}
