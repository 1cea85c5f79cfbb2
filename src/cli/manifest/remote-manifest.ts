import { ClientError } from "../../client/errors.ts";
import { readText } from "../../client/transport.ts";
import type { WireDistributionInspect } from "../../wire/registry.ts";
import { type CliContext, ExitError } from "../command.ts";
import { callForRegistry } from "../credentials/call-for-registry.ts";
import { keyOfImage } from "../credentials/registry-key.ts";

/** Longest document that is shown; registries take no larger ones. */
const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;

export interface ManifestPlatform {
  architecture: string;
  os: string;
  "os.version"?: string;
  "os.features"?: string[];
  variant?: string;
}

export interface ManifestDescriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: ManifestPlatform;
}

/** A manifest or an index in a registry, as it stands there. */
export interface RemoteManifest {
  mediaType: string;
  digest: string;
  text: string;
}

/** The daemon asks the registry, with our user's account. Throws `no such manifest: x`. */
export async function fetchManifest(
  context: CliContext,
  reference: string,
  insecure: boolean,
): Promise<RemoteManifest> {
  try {
    const answer = await ask(context, `/gantry/manifests/${reference}`, reference, insecure);
    return {
      mediaType: answer.headers.get("content-type") ?? "",
      digest: answer.headers.get("docker-content-digest") ?? "",
      text: await readText(answer.stream(), MAX_MANIFEST_BYTES),
    };
  } catch (error) {
    const cause = (error as Error).cause;
    if (cause instanceof ClientError && cause.status === 404 && !cause.message.includes("page not found")) {
      throw new ExitError(1, `no such manifest: ${reference}`, { cause: error });
    }
    throw error;
  }
}

/** What the manifest of one image runs on, which only its configuration tells. */
export async function fetchPlatform(
  context: CliContext,
  reference: string,
  insecure: boolean,
): Promise<ManifestPlatform | undefined> {
  const answer = await ask(context, `/distribution/${reference}/json`, reference, insecure);
  return (await answer.json<WireDistributionInspect>()).Platforms[0];
}

function ask(context: CliContext, path: string, reference: string, insecure: boolean) {
  const query = { insecure: insecure ? true : undefined };
  return callForRegistry(context, { method: "GET", path, key: keyOfImage(reference), query });
}

export function isIndex(mediaType: string): boolean {
  return /\.(image\.index\.v1|distribution\.manifest\.list\.v2)\+json$/.test(mediaType);
}

export function isOciManifest(mediaType: string): boolean {
  return mediaType === "application/vnd.oci.image.manifest.v1+json";
}
