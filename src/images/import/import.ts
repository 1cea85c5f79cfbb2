import { invalid } from "../../base/errors.ts";
import { type Digest, digestOf } from "../../formats/oci/digest.ts";
import { encodeManifest } from "../../formats/oci/manifest.ts";
import { MEDIA_TYPES } from "../../formats/oci/media-types.ts";
import { hostPlatform, parsePlatformSpecifier } from "../../formats/oci/platform.ts";
import { parseReference, type Reference, withDefaultTag } from "../../formats/reference/reference.ts";
import type { Content } from "../../storage/content/content.ts";
import type { Images } from "../images.ts";
import type { Entry } from "../library.ts";
import { decompressArchive } from "../load/decompress.ts";
import type { ImageStore } from "../store.ts";
import { applyChanges } from "./changes.ts";

export interface ImportDeps {
  content: Content;
  store: ImageStore;
  now: Date;
}

/** An image of one layer from any file system archive. The layer is kept uncompressed. */
export async function importArchive(
  { content, store, now }: ImportDeps,
  archive: AsyncIterable<Uint8Array>,
  options: Parameters<Images["import"]>[1],
): Promise<Entry> {
  const references = target(options.repository, options.tag);
  const platform = options.platform === undefined ? hostPlatform() : parsePlatformSpecifier(options.platform);
  if (platform.os !== "linux") throw invalid("operating system is not supported");
  const config = applyChanges(options.changes);
  const ingest = await content.ingest();
  const releases: (() => void)[] = [];
  try {
    for await (const bytes of await decompressArchive(archive, options.signal)) {
      options.signal.throwIfAborted();
      await ingest.write([bytes]);
    }
    const prepared = await store.prepare(ingest.path, { signal: options.signal });
    const { digest, sizeBytes, diffId } = prepared.unpacked;
    releases.push(store.leases.hold([digest]));
    await ingest.commitVerified({ digest, sizeBytes });
    const comment = options.message === "" ? `Imported from ${options.source}` : options.message;
    const document = Buffer.from(
      JSON.stringify({
        architecture: platform.architecture,
        ...(platform.variant === undefined ? {} : { variant: platform.variant }),
        os: platform.os,
        created: now.toISOString(),
        comment,
        config,
        rootfs: { type: "layers", diff_ids: [diffId] },
        history: [{ created: now.toISOString(), comment }],
      }),
    );
    const layer = { digest, sizeBytes, mediaType: MEDIA_TYPES.ociLayer, annotations: {} };
    const id = digestOf(document);
    const configDescriptor = {
      digest: id,
      sizeBytes: document.length,
      mediaType: MEDIA_TYPES.ociConfig,
      annotations: {},
    };
    const manifest = encodeManifest(configDescriptor, [layer]);
    releases.push(store.leases.hold([id, digestOf(manifest)]));
    await content.put(document);
    const { digest: manifestDigest } = await content.put(manifest);
    return await store.install({
      row: { id, manifestDigest, layers: [{ diffId, digest, sizeBytes, mediaType: layer.mediaType }] },
      references,
      prepared: new Map<Digest, typeof prepared>([[diffId, prepared]]),
      signal: options.signal,
    });
  } finally {
    await ingest.abort();
    for (const release of releases) release();
  }
}

function target(repository: string, tag: string): Reference[] {
  if (repository === "") return [];
  return [withDefaultTag(parseReference(tag === "" ? repository : `${repository}:${tag}`))];
}
