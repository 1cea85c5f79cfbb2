import { invalid } from "../../base/errors.ts";
import { hostPlatform, parsePlatformSpecifier } from "../../formats/oci/platform.ts";
import type { Content } from "../../storage/content/content.ts";
import type { ImportOptions } from "../images.ts";
import type { Entry } from "../library.ts";
import { decompressArchive } from "../load/decompress.ts";
import { storeNewImage, targetReferences } from "../new-image.ts";
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
  options: ImportOptions,
): Promise<Entry> {
  const references = targetReferences(options.repository, options.tag);
  const platform = options.platform === undefined ? hostPlatform() : parsePlatformSpecifier(options.platform);
  if (platform.os !== "linux") throw invalid("operating system is not supported");
  const config = applyChanges(options.changes);
  const comment = options.message === "" ? `Imported from ${options.source}` : options.message;
  const created = now.toISOString();
  return storeNewImage(
    { content, store },
    {
      below: [],
      layer: await decompressArchive(archive, options.signal),
      skipEmpty: false,
      document: (diffIds) => ({
        architecture: platform.architecture,
        ...(platform.variant === undefined ? {} : { variant: platform.variant }),
        os: platform.os,
        created,
        comment,
        config,
        rootfs: { type: "layers", diff_ids: diffIds },
        history: [{ created, comment }],
      }),
      references,
      signal: options.signal,
    },
  );
}
