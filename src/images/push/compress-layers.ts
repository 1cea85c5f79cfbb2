import { encodeManifest, MAX_MANIFEST_BYTES, parseManifestDocument } from "../../formats/oci/manifest.ts";
import { MEDIA_TYPES } from "../../formats/oci/media-types.ts";
import type { Content } from "../../storage/content/content.ts";
import type { ImageRow, LayerRow } from "../../storage/records/images.ts";
import type { Entry } from "../library.ts";
import { recompress, type RecompressDeps } from "../recompress.ts";

/** What a push compresses with. */
const OUTGOING = { compression: "gzip" } as const;

/** A row as it goes out, and its layers as they become ready for it. */
export interface OutgoingImage {
  layers: Promise<LayerRow>[];
  /** The image's manifest for those layers; recorded, so that the next push and save find them compressed. */
  row(): Promise<ImageRow>;
}

/**
 * Layers of images that were made or loaded here may lie uncompressed: they go out as gzip, which the image then keeps instead. A
 * manifest that came from elsewhere is never changed: its digest is what people know. `release` ends the holds on new blobs.
 */
export async function compressLayers(
  deps: RecompressDeps,
  entry: Entry,
  { signal, onRelease }: { signal: AbortSignal; onRelease: (release: () => void) => void },
): Promise<OutgoingImage> {
  const { row } = entry;
  const plain = row.layers.filter(({ mediaType }) => mediaType === MEDIA_TYPES.ociLayer);
  if (plain.length === 0 || !(await isOwnManifest(deps.content, row))) return asItIs(deps, row, signal);
  const layers = row.layers.map((layer, at) => {
    const stack = row.layers.slice(0, at + 1);
    const outgoing = plain.includes(layer)
      ? recompress(deps, stack, { form: OUTGOING, signal, onRelease })
      : Promise.resolve(layer);
    // Whoever awaits them in order must not be surprised by a later one's failure.
    outgoing.catch(() => undefined);
    return outgoing;
  });
  return {
    layers,
    async row() {
      const ready = await Promise.all(layers);
      const manifest = encodeManifest(await configDescriptor(deps.content, row), ready.map(descriptorOf));
      const { digest } = await deps.content.put(manifest);
      onRelease(deps.store.leases.hold([digest]));
      const packed = { ...row, manifestDigest: digest, layers: ready };
      deps.library.repackage(packed);
      return packed;
    },
  };
}

/** Nothing is compressed. */
export function asItIs({ store }: RecompressDeps, row: ImageRow, signal: AbortSignal): OutgoingImage {
  const archived = store.materialize(row.layers, signal);
  const layers = row.layers.map(async (layer) => {
    await archived;
    return layer;
  });
  for (const layer of [archived, ...layers]) layer.catch(() => undefined);
  return { layers, row: async () => row };
}

function descriptorOf({ digest, sizeBytes, mediaType }: LayerRow) {
  return { digest, sizeBytes, mediaType, annotations: {} };
}

async function configDescriptor(content: Content, row: ImageRow) {
  const manifest = parseManifestDocument(await content.read(row.manifestDigest, MAX_MANIFEST_BYTES));
  if (manifest.kind !== "manifest") throw new Error(`${row.manifestDigest} is no manifest`);
  return manifest.config;
}

/** Whether we wrote it ourselves: it says nothing but what the record says. */
async function isOwnManifest(content: Content, row: ImageRow): Promise<boolean> {
  const bytes = await content.read(row.manifestDigest, MAX_MANIFEST_BYTES);
  const own = encodeManifest(await configDescriptor(content, row), row.layers.map(descriptorOf));
  return Buffer.compare(bytes, own) === 0;
}
