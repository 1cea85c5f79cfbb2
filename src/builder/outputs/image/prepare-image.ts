import { familiarReference, type Reference } from "../../../formats/reference/reference.ts";
import type { CompressedForm } from "../../../storage/content/compress/compress.ts";
import type { SolvedTarget } from "../../builder.ts";
import type { CachedResult } from "../../remote-cache.ts";
import type { Packaging } from "../attributes.ts";
import type { ExportContext } from "../export-context.ts";
import type { Progress } from "../progress.ts";
import { type ReadyOptions, readyLayers } from "../ready-layers.ts";
import { type PackedImage, packImage } from "./pack-image.ts";

export interface PrepareRequest {
  targets: SolvedTarget[];
  references: Reference[];
  packaging: Packaging;
  /** Of layers without a compression, where the packaging does not say; undefined: they stay as they are. */
  form: CompressedForm | undefined;
  /** Nobody but this engine sees the image yet: archives of its layers can wait. */
  isLocal: boolean;
  inline: CachedResult[] | undefined;
}

/**
 * Makes the documents of an image, and its layers as they say, for `work`: everything is held until that is over. What nobody needs
 * any more is gone then.
 */
export async function withImage<T>(
  context: ExportContext,
  request: PrepareRequest,
  { progress, work }: { progress: Progress; work: (packed: PackedImage) => Promise<T> },
): Promise<T> {
  const { store } = context.deps.images;
  const releases: (() => void)[] = [];
  let isDone = false;
  try {
    const packed = await pack(context, request, { progress, onRelease: (release) => void releases.push(release) });
    const result = await work(packed);
    isDone = true;
    return result;
  } finally {
    for (const release of releases) release();
    // A plain image that was stored has left nothing.
    if (!isDone || !request.isLocal) await store.collect();
  }
}

async function pack(
  context: ExportContext,
  { targets, references, packaging, form, isLocal, inline }: PrepareRequest,
  { progress, onRelease }: { progress: Progress; onRelease: (release: () => void) => void },
): Promise<PackedImage> {
  const ready: ReadyOptions = { ...packaging, form: packaging.form ?? form, onRelease, known: new Map() };
  const packable = await progress.step("exporting layers", () =>
    Promise.all(
      targets.map(async (target) => {
        const { layers } = target.result;
        const outgoing = isLocal ? layers : await readyLayers(context, layers, ready);
        return { target, layers: outgoing, predicates: await context.predicates(target) };
      }),
    ),
  );
  const packed = packImage({ targets: packable, packaging, names: references.map(familiarReference), inline });
  const layers = packed.platforms.flatMap((one) => one.layers.map(({ digest }) => digest));
  const documents = packed.files.map(({ descriptor }) => descriptor.digest);
  onRelease(context.deps.images.store.leases.hold([...documents, ...layers]));
  return packed;
}
