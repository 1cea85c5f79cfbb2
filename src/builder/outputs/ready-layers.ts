import type { Digest } from "../../formats/oci/digest.ts";
import { layerCompression } from "../../formats/oci/media-types.ts";
import { recompress } from "../../images/recompress.ts";
import type { LayerRow } from "../../storage/records/images.ts";
import type { Packaging } from "./attributes.ts";
import type { ExportContext } from "./export-context.ts";

export interface ReadyOptions extends Pick<Packaging, "form" | "force"> {
  onRelease: (release: () => void) => void;
  /** Layers that stacks of the same export have in common, by diffID: each is compressed once. */
  known: Map<Digest, Promise<LayerRow>>;
}

/**
 * The layers of a stack, base first, as they go out: each has a blob in content, held until what is given to `onRelease` is called.
 * Only layers without a compression get one, unless `force` is set.
 */
export async function readyLayers(
  { deps, signal }: Pick<ExportContext, "deps" | "signal">,
  layers: LayerRow[],
  { form, force, onRelease, known }: ReadyOptions,
): Promise<LayerRow[]> {
  const { content, images, compressor } = deps;
  const { store, library } = images;
  onRelease(store.leases.hold(layers.map(({ digest }) => digest)));
  const one = async (layer: LayerRow, stack: LayerRow[]) => {
    const stored = layerCompression(layer.mediaType);
    const staysSo = form === undefined || stored === form.compression || (stored !== "none" && !force);
    if (!staysSo) {
      return recompress({ content, store, library, compressor }, stack, { form, signal, onRelease });
    }
    await store.materialize(stack, signal);
    if (!content.has(layer.digest)) throw new Error(`content ${layer.digest} is missing`);
    return layer;
  };
  const jobs = layers.map((layer, at) => {
    const job = known.get(layer.diffId) ?? one(layer, layers.slice(0, at + 1));
    known.set(layer.diffId, job);
    return job;
  });
  const results = await Promise.allSettled(jobs);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}
