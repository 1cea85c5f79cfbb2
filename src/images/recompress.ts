import { type Compression, layerCompression, layerType } from "../formats/oci/media-types.ts";
import type { CompressedForm, Compressor } from "../storage/content/compress/compress.ts";
import type { Content } from "../storage/content/content.ts";
import type { LayerRow } from "../storage/records/images.ts";
import type { Library } from "./library.ts";
import type { ImageStore } from "./store.ts";

export interface RecompressDeps {
  content: Content;
  library: Library;
  store: ImageStore;
  compressor: Compressor;
}

export interface RecompressOptions {
  form: CompressedForm;
  signal: AbortSignal;
  /** Is given the end of the hold on the new blob. */
  onRelease: (release: () => void) => void;
}

/**
 * The topmost layer of a stack in another form: in content and held. Its own blob, which is made where it can be, must be held. What
 * lies here in that form already is used.
 */
export async function recompress(
  { content, library, store, compressor }: RecompressDeps,
  stack: LayerRow[],
  { form, signal, onRelease }: RecompressOptions,
): Promise<LayerRow> {
  const layer = stack.at(-1) as LayerRow;
  const { compression, level } = form;
  const known = level === undefined ? knownIn({ content, library }, layer, compression) : undefined;
  if (known !== undefined) {
    onRelease(store.leases.hold([known.digest]));
    return known;
  }
  await store.materialize(stack, signal);
  const source = content.stat(layer.digest);
  if (source === undefined) throw new Error(`content ${layer.digest} is missing`);
  const ingest = await content.ingest();
  try {
    const stored = layerCompression(layer.mediaType);
    const files = { source: source.path, stored, target: ingest.path, form };
    const { digest, sizeBytes } = await compressor.compress(files, signal);
    onRelease(store.leases.hold([digest]));
    await ingest.commitVerified({ digest, sizeBytes });
    return { diffId: layer.diffId, digest, sizeBytes, mediaType: layerType(compression) };
  } catch (error) {
    await ingest.abort();
    throw error;
  }
}

function knownIn(
  { content, library }: Pick<RecompressDeps, "content" | "library">,
  { diffId }: LayerRow,
  compression: Compression,
): LayerRow | undefined {
  return library
    .entries()
    .flatMap(({ row }) => row.layers)
    .find(
      (other) =>
        other.diffId === diffId && layerCompression(other.mediaType) === compression && content.has(other.digest),
    );
}
