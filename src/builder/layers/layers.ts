import type { LayerRow } from "../../storage/records/images.ts";
import type { LinkOrigin } from "../../storage/snapshots/links/link-origins.ts";
import type { TreeResult } from "../results.ts";

export interface NewLayer {
  /** Later modification times become this one, in the files themselves, so that the same input gives the same layer. */
  epochSeconds: number | undefined;
  /** Keeps digests and chainIDs from being collected for as long as the build needs them. */
  hold: (keys: string[]) => void;
  signal: AbortSignal;
}

/** The new layer has hard links of files that may have been made there. */
export type NoteLinks = (origins: readonly LinkOrigin[]) => void;

/**
 * Makes layers out of directories, without an archive in between: the files are hashed as the tar that a push would make of them
 * (sorted, so that the same files give the same diffID), and the directory is renamed into the stack.
 */
export interface Layers {
  /**
   * `work` fills an empty directory that becomes the new layer, whiteouts and opaque marks in overlayfs' form included. Hard links of
   * files of contexts and layers are noted by `work`, which has asked a `LinkGuard` about each.
   */
  fill(
    base: TreeResult,
    options: NewLayer,
    work: (directory: string, noteLinks: NoteLinks) => Promise<void>,
  ): Promise<TreeResult>;
  /**
   * `work` mounts an active snapshot and changes files in it. Returns mount points that were made for it: they go away again where
   * they are empty and the base has none. No file of a context or layer is linked there. Nothing is mounted any more when `work` is over.
   */
  change(base: TreeResult, options: NewLayer, work: (key: string) => Promise<{ stubs: string[] }>): Promise<TreeResult>;
  /** The topmost layers of a tree (`added`, base first), on another base. */
  restack(base: TreeResult, top: TreeResult, added: LayerRow[], options: NewLayer): Promise<TreeResult>;
  /** All layers of `top` above `base` as one. */
  squash(base: TreeResult, top: TreeResult, options: NewLayer): Promise<TreeResult>;
}
