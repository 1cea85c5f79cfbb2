import { ClientError } from "../../client/errors.ts";
import { readText } from "../../client/transport.ts";
import type { WireDistributionInspect } from "../../wire/registry.ts";
import { type CliContext, ExitError } from "../command.ts";
import { registryHeaders } from "../credentials/registry-headers.ts";
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
  const headers = await registryHeaders(context, keyOfImage(reference));
  const transport = await context.connect();
  const query = { insecure: insecure ? true : undefined };
  try {
    const answer = await transport.call("GET", `/gantry/manifests/${reference}`, { query, headers });
    return {
      mediaType: answer.headers.get("content-type") ?? "",
      digest: answer.headers.get("docker-content-digest") ?? "",
      text: await readText(answer.stream(), MAX_MANIFEST_BYTES),
    };
  } catch (error) {
    if (error instanceof ClientError && error.status === 404 && !error.message.includes("page not found")) {
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
  const headers = await registryHeaders(context, keyOfImage(reference));
  const transport = await context.connect();
  const query = { insecure: insecure ? true : undefined };
  const answer = await transport.call("GET", `/distribution/${reference}/json`, { query, headers });
  return (await answer.json<WireDistributionInspect>()).Platforms[0];
}

export function isIndex(mediaType: string): boolean {
  return /\.(image\.index\.v1|distribution\.manifest\.list\.v2)\+json$/.test(mediaType);
}

export function isOciManifest(mediaType: string): boolean {
  return mediaType === "application/vnd.oci.image.manifest.v1+json";
}
