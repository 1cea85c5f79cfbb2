import type { Digest } from "../../../formats/oci/digest.ts";
import { canonicalReference, familiarReference, type Reference } from "../../../formats/reference/reference.ts";
import type { Entry } from "../../../images/library.ts";
import type { ImageRow } from "../../../storage/records/images.ts";
import type { ExportContext, OutputsDeps } from "../export-context.ts";
import type { Progress } from "../progress.ts";
import { imageIdOf, type PackedImage, type PackedPlatform } from "./pack-image.ts";

export interface InstallImage {
  packed: PackedImage;
  /** What the names resolve to here. */
  main: PackedPlatform;
  references: Reference[];
  /** Its manifests are what others see: they replace those that the images may have. */
  isFinal: boolean;
}

/**
 * Makes records of images whose blobs and layers are there and held. The names come last: whoever kills the daemon before has changed
 * none. `undo` takes away what was not there before.
 */
export async function installImage(
  context: ExportContext,
  { packed, main, references, isFinal }: InstallImage,
  progress: Progress,
): Promise<{ undo: () => void }> {
  const { deps, signal } = context;
  const { store, library } = deps.images;
  const added: Digest[] = [];
  const undo = () => {
    // A push has noted where it went.
    const isNamed = (id: Digest) => library.referencesOf(id).some(({ tag }) => tag !== undefined);
    for (const id of added) if (!isNamed(id)) library.remove(id);
  };
  const install = async (one: PackedPlatform, names: Reference[]) => {
    const row = rowOf(deps, one);
    const known = library.get(row.id);
    if (known === undefined) added.push(row.id);
    else if (isFinal && known.row.manifestDigest !== row.manifestDigest)
      library.repackage({ ...known.row, manifestDigest: row.manifestDigest, layers: row.layers });
    const target = names.length === 0 ? undefined : packed.index?.descriptor.digest;
    return store.install({
      row,
      references: names,
      ...(target === undefined ? {} : { target, fromArchive: true }),
      signal,
    });
  };
  try {
    await storeDocuments(deps, packed);
    deps.failpoint("export.documents");
    for (const one of packed.platforms) {
      const isMain = one === main;
      await progress.step(`writing image ${imageIdOf(one)}`, async () => {
        if (!isMain) await install(one, []);
      });
    }
    const entry = await install(main, references);
    await tellNames(context, { entry, references }, progress);
    await store.writeIndex();
    return { undo };
  } catch (error) {
    undo();
    throw error;
  }
}

function rowOf({ images: { library } }: OutputsDeps, one: PackedPlatform): ImageRow {
  const base = one.target.baseImageId as Digest | undefined;
  const parent = base !== undefined && library.get(base) !== undefined ? base : undefined;
  return {
    id: imageIdOf(one),
    manifestDigest: one.manifest.descriptor.digest,
    layers: one.layers,
    ...(parent === undefined ? {} : { parent }),
  };
}

async function storeDocuments({ content }: OutputsDeps, packed: PackedImage): Promise<void> {
  const missing = packed.files.filter(({ descriptor }) => !content.has(descriptor.digest));
  await Promise.all(missing.map(({ bytes }) => content.put(bytes)));
}

async function tellNames(
  { deps }: ExportContext,
  { entry, references }: { entry: Entry; references: Reference[] },
  progress: Progress,
): Promise<void> {
  for (const reference of references) {
    await progress.step(`naming to ${canonicalReference(reference)}`, async () => {
      const attributes = { ...entry.document.config.labels, name: familiarReference(reference) };
      deps.publish({ type: "image", action: "tag", actorId: entry.row.id, attributes });
    });
  }
}
