import { type Digest, digestOf } from "../formats/oci/digest.ts";
import { encodeManifest } from "../formats/oci/manifest.ts";
import { MEDIA_TYPES } from "../formats/oci/media-types.ts";
import { parseReference, type Reference, withDefaultTag } from "../formats/reference/reference.ts";
import type { Content } from "../storage/content/content.ts";
import type { LayerRow } from "../storage/records/images.ts";
import type { Entry } from "./library.ts";
import type { ImageStore, PreparedLayer } from "./store.ts";

export interface NewImage {
  /** Layers that are here already, base first. */
  below: LayerRow[];
  /** The new layer's archive, plain tar. It is kept uncompressed. */
  layer: AsyncIterable<Uint8Array>;
  /** A layer without entries is left out, as Docker does with a container that changed nothing. */
  skipEmpty: boolean;
  /** The config, once the layers are known. `isEmpty`: no layer was added. */
  document: (diffIds: Digest[], isEmpty: boolean) => object;
  references: Reference[];
  /** The image that it is made of; undefined: it comes whole. */
  parent?: Digest;
  signal: AbortSignal;
}

/** Makes an image from a layer that exists nowhere yet. The archive is read once; nothing is visible before all of it is durable. */
export async function storeNewImage(
  { content, store }: { content: Content; store: ImageStore },
  { below, layer, skipEmpty, document, references, parent, signal }: NewImage,
): Promise<Entry> {
  const ingest = await content.ingest();
  const releases: (() => void)[] = [];
  const unplaced = new Map<Digest, PreparedLayer>();
  try {
    for await (const bytes of layer) {
      signal.throwIfAborted();
      await ingest.write([bytes]);
    }
    const prepared = await store.prepare(ingest.path, { signal });
    const { digest, sizeBytes, diffId, entries } = prepared.unpacked;
    unplaced.set(diffId, prepared);
    const isEmpty = skipEmpty && entries === 0;
    if (!isEmpty) {
      releases.push(store.leases.hold([digest]));
      await ingest.commitVerified({ digest, sizeBytes });
    }
    const added: LayerRow[] = isEmpty ? [] : [{ diffId, digest, sizeBytes, mediaType: MEDIA_TYPES.ociLayer }];
    const layers = [...below, ...added];
    const diffIds = layers.map((one) => one.diffId);
    const config = Buffer.from(JSON.stringify(document(diffIds, isEmpty)));
    const id = digestOf(config);
    const descriptor = { digest: id, sizeBytes: config.length, mediaType: MEDIA_TYPES.ociConfig, annotations: {} };
    const manifest = encodeManifest(
      descriptor,
      layers.map((one) => ({
        digest: one.digest,
        sizeBytes: one.sizeBytes,
        mediaType: one.mediaType,
        annotations: {},
      })),
    );
    releases.push(store.leases.hold([id, digestOf(manifest), ...below.map((one) => one.digest)]));
    await content.put(config);
    const { digest: manifestDigest } = await content.put(manifest);
    return await store.install({
      row: { id, manifestDigest, layers, ...(parent === undefined ? {} : { parent }) },
      references,
      prepared: unplaced,
      signal,
    });
  } finally {
    await ingest.abort();
    // The same layer may be here already.
    for (const { staged } of unplaced.values()) await staged.discard();
    for (const release of releases) release();
  }
}

/** `repo[:tag]` as given by two parameters; none for "". Throws invalid-argument. */
export function targetReferences(repository: string, tag: string): Reference[] {
  if (repository === "") return [];
  return [withDefaultTag(parseReference(tag === "" ? repository : `${repository}:${tag}`))];
}
