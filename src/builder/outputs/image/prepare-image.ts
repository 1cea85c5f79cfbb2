import { familiarReference, type Reference } from "../../../formats/reference/reference.ts";
import type { CompressedForm } from "../../../storage/content/compress/compress.ts";
import type { SolvedTarget } from "../../builder.ts";
import type { CachedResult } from "../../remote-cache.ts";
import type { Packaging } from "../attributes.ts";
import type { ExportContext } from "../export-context.ts";
import type { Progress } from "../progress.ts";
import { type ReadyOptions, readyLayers } from "../ready-layers.ts";
import { type PackedImage, packImage } from "./pack-image.ts";

export interface PreparedImage {
  packed: PackedImage;
  /** Ends the holds on its blobs. May be called again. */
  release: () => void;
}

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

/** Documents of an image, and its layers as they say; everything is held. */
export async function prepareImage(
  context: ExportContext,
  request: PrepareRequest,
  progress: Progress,
): Promise<PreparedImage> {
  const { targets, references, packaging, isLocal, inline } = request;
  const releases: (() => void)[] = [];
  const release = () => {
    for (const one of releases.splice(0)) one();
  };
  const onRelease = (one: () => void) => void releases.push(one);
  const ready: ReadyOptions = { ...packaging, form: packaging.form ?? request.form, onRelease, known: new Map() };
  try {
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
    const { leases } = context.deps.images.store;
    const layers = packed.platforms.flatMap((one) => one.layers.map(({ digest }) => digest));
    onRelease(leases.hold([...packed.files.map(({ descriptor }) => descriptor.digest), ...layers]));
    return { packed, release };
  } catch (error) {
    release();
    throw error;
  }
}
