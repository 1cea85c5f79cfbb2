import { EngineError, invalid } from "../../../base/errors.ts";
import { chainIds } from "../../../formats/oci/chain-id.ts";
import { MAX_CONFIG_BYTES, parseImageConfig } from "../../../formats/oci/config.ts";
import { type Digest, parseDigest } from "../../../formats/oci/digest.ts";
import { type Manifest, MAX_MANIFEST_BYTES, parseManifestDocument } from "../../../formats/oci/manifest.ts";
import { formatPlatform, type Platform } from "../../../formats/oci/platform.ts";
import { choosePlatform } from "../../../images/pull/choose-platform.ts";
import type { ContextSource } from "../../builder.ts";
import type { ResolvedImage } from "../../frontend/plan.ts";
import type { BuildSession, ClientLayouts } from "../../session.ts";
import type { OutputsDeps } from "../export-context.ts";
import { fetchFromClient, readVerified } from "./client-blobs.ts";

/** An index may name another one; nobody means more than this. */
const MAX_INDEXES = 4;

export interface LayoutRequest {
  source: Extract<ContextSource, { kind: "layout" }>;
  session: BuildSession | undefined;
  platform: Platform;
  hold: (keys: string[]) => void;
  signal: AbortSignal;
}

/**
 * The image of a layout in a directory of the client, brought here without becoming an image of the engine. Nothing that the client says
 * is believed: every blob is what its digest says. Throws invalid-argument for what is no image, not-found for its platform.
 */
export async function bringLayoutImage(
  deps: Pick<OutputsDeps, "content" | "images">,
  { source, session, platform, hold, signal }: LayoutRequest,
): Promise<ResolvedImage> {
  const layouts = session?.layouts;
  if (layouts === undefined) {
    throw new EngineError("not-implemented", `context ${source.store}: this client offers no directory for it`);
  }
  const read = (digest: Digest, limitBytes: number) =>
    readVerified(layouts.read(source.store, digest, signal), { digest, limitBytes });
  const { manifest, digest: manifestDigest } = await findManifest(read, parseDigest(source.digest), platform);
  const { config, layers } = manifest;
  if (config.sizeBytes > MAX_CONFIG_BYTES) throw invalid("the image's config is too large");
  const bytes = await read(config.digest, config.sizeBytes);
  const { diffIds, os, architecture, variant } = parseImageConfig(bytes).config;
  if (diffIds.length !== layers.length) {
    throw invalid(`image config has ${diffIds.length} layers, its manifest ${layers.length}`);
  }
  const rows = layers.map(({ digest, sizeBytes, mediaType }, at) => {
    return { diffId: diffIds[at] as Digest, digest, sizeBytes, mediaType };
  });
  hold([...chainIds(diffIds), ...layers.map(({ digest }) => digest)]);
  await deps.images.store.bring(rows, { signal, fetch: fetchWith(deps, layouts, source.store) });
  return {
    row: { id: config.digest, manifestDigest, layers: rows },
    reference: `oci-layout://${source.store}@${source.digest}`,
    document: JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>,
    platform: { os, architecture, ...(variant === undefined ? {} : { variant }) },
  };
}

type FetchLayer = NonNullable<Parameters<OutputsDeps["images"]["store"]["bring"]>[1]["fetch"]>;

function fetchWith(deps: Pick<OutputsDeps, "content" | "images">, layouts: ClientLayouts, id: string): FetchLayer {
  return (layer, signal) => fetchFromClient(deps, { layouts, id, layer }, signal);
}

async function findManifest(
  read: (digest: Digest, limitBytes: number) => Promise<Uint8Array>,
  wanted: Digest,
  platform: Platform,
): Promise<{ manifest: Manifest; digest: Digest }> {
  let digest = wanted;
  for (let depth = 0; depth < MAX_INDEXES; depth++) {
    const document = parseManifestDocument(await read(digest, MAX_MANIFEST_BYTES), `manifest ${digest}`);
    if (document.kind === "manifest") return { manifest: document, digest };
    const [only, second] = document.manifests;
    // An index of one document is what tools write around it, without a platform.
    const chosen = second === undefined ? only : choosePlatform(document.manifests, platform);
    if (chosen === undefined) {
      throw new EngineError("not-found", `no match for platform in manifest: ${formatPlatform(platform)} not found`);
    }
    digest = chosen.digest;
  }
  throw invalid(`manifest ${wanted}: more than ${MAX_INDEXES} indexes within one another`);
}
