import { notFound } from "../../base/errors.ts";
import { MAX_CONFIG_BYTES } from "../../formats/oci/config.ts";
import type { Digest } from "../../formats/oci/digest.ts";
import { familiarReference } from "../../formats/reference/reference.ts";
import type { Content } from "../../storage/content/content.ts";
import { applyChanges, type ExecutionConfig } from "../import/changes.ts";
import type { Entry, Library } from "../library.ts";
import { storeNewImage, targetReferences } from "../new-image.ts";
import type { ImageStore } from "../store.ts";

export interface CommitImage {
  /** ID of the image that the new one stands on. */
  base: string;
  /** What containers of the image run, before `changes`. */
  config: ExecutionConfig;
  /** Dockerfile instructions. */
  changes: string[];
  /** Line of the history. */
  createdBy: string;
  comment: string;
  author: string;
  /** "": no name. */
  repository: string;
  tag: string;
  /** The new layer as plain tar; called when everything else has been checked. */
  layer: () => AsyncIterable<Uint8Array>;
  signal: AbortSignal;
}

export interface CommitDeps {
  content: Content;
  library: Library;
  store: ImageStore;
  now: Date;
}

/** A new image of the base's layers and one more. Throws not-found when the base was removed, invalid-argument for names and changes. */
export async function commitImage(
  deps: CommitDeps,
  request: CommitImage,
): Promise<{ entry: Entry; reference: string }> {
  const { author, comment, createdBy } = request;
  const references = targetReferences(request.repository, request.tag);
  const config = applyChanges(request.changes, request.config);
  const base = deps.library.get(request.base as Digest);
  if (base === undefined) throw notFound("image", request.base);
  // As it stands: what we would not repeat exactly (nanoseconds, fields of others) stays the same.
  const below = JSON.parse(Buffer.from(await deps.content.read(base.row.id, MAX_CONFIG_BYTES)).toString()) as {
    history?: object[];
  };
  const created = deps.now.toISOString();
  const { architecture, os, variant } = base.document.config;
  const entry = await storeNewImage(deps, {
    below: base.row.layers,
    layer: request.layer(),
    skipEmpty: true,
    document: (diffIds, isEmpty) => ({
      architecture,
      ...(variant === undefined ? {} : { variant }),
      os,
      created,
      ...(author === "" ? {} : { author }),
      ...(comment === "" ? {} : { comment }),
      config,
      rootfs: { type: "layers", diff_ids: diffIds },
      history: [...(below.history ?? []), historyLine({ created, createdBy, author, comment }, isEmpty)],
    }),
    references,
    parent: base.row.id,
    signal: request.signal,
  });
  return { entry, reference: references.map(familiarReference).join() };
}

function historyLine(
  line: { created: string; createdBy: string; author: string; comment: string },
  isEmpty: boolean,
): object {
  return {
    created: line.created,
    created_by: line.createdBy,
    ...(line.author === "" ? {} : { author: line.author }),
    ...(line.comment === "" ? {} : { comment: line.comment }),
    ...(isEmpty ? { empty_layer: true } : {}),
  };
}
