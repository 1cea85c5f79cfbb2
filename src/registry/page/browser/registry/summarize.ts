import { type Kind, kindOf } from "../model/kind.ts";
import { annotation, pullSize, splitIndex } from "../model/manifest.ts";
import { formatPlatform } from "../model/platform.ts";
import { parseTime } from "../model/time.ts";
import type { Registry, Stored } from "./registry.ts";

/** What a row of the list of tags says. */
export interface Summary {
  digest: string;
  kind: Kind;
  platforms: string[];
  /** Bytes to pull, one number a platform. */
  sizes: number[];
  created: Date | undefined;
}

/** Images of an index that are asked for their sizes; the others are only counted. */
const IMAGES_ASKED = 12;

export interface Wanted {
  registry: Registry;
  name: string;
  signal: AbortSignal;
}

/** Needs one request for the manifest, and for an image one for its config; for an index one for each of its images. */
export async function summarize(wanted: Wanted, reference: string): Promise<Summary> {
  const stored = await wanted.registry.manifest(wanted.name, reference, wanted.signal);
  const kind = kindOf(stored.manifest);
  if (stored.manifest.form !== "index") {
    const { platform, created } = await originOf(wanted, stored, kind);
    return {
      digest: stored.digest,
      kind,
      platforms: platform === "" ? [] : [platform],
      sizes: [pullSize(stored.manifest)],
      created,
    };
  }
  const { images } = splitIndex(stored.manifest.manifests);
  const children = await Promise.all(images.slice(0, IMAGES_ASKED).map((image) => child(wanted, image.digest)));
  const present = children.filter((one) => one !== undefined);
  const first = present[0];
  return {
    digest: stored.digest,
    kind,
    platforms: images.map(({ platform }) => formatPlatform(platform)).filter((platform) => platform !== ""),
    sizes: present.map(({ manifest }) => pullSize(manifest)),
    created: first === undefined ? undefined : (await originOf(wanted, first, kindOf(first.manifest))).created,
  };
}

/** An index may name images that were never pushed here, or that were deleted: then its row has no size for them. */
async function child({ registry, name, signal }: Wanted, digest: string): Promise<Stored | undefined> {
  try {
    return await registry.manifest(name, digest, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    return undefined;
  }
}

async function originOf({ registry, name, signal }: Wanted, { manifest }: Stored, kind: Kind) {
  const annotated = parseTime(annotation(manifest, "org.opencontainers.image.created"));
  if (manifest.form !== "image" || kind.group !== "image") return { platform: "", created: annotated };
  const config = await registry.config(name, manifest.config.digest, signal);
  return { platform: formatPlatform(config.platform), created: config.created ?? annotated };
}
