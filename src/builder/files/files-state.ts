import type { Snapshots } from "../../storage/snapshots/snapshots.ts";
import type { CopyOp } from "../graph.ts";
import type { Layers } from "../layers/layers.ts";
import type { FileSource, TreeResult } from "../results.ts";
import type { EntryTree } from "./entry-tree.ts";
import type { Roots } from "./files-request.ts";
import type { RememberedKeys } from "./remembered-keys.ts";
import type { RunFilesJob } from "./run-files-job.ts";

export interface FilesDeps {
  layers: Layers;
  snapshots: Pick<Snapshots, "view" | "stackFiles" | "directories" | "rootView">;
  /** The builder's own directory, which is there. */
  directory: string;
}

/** What the parts of this folder share. */
export interface FilesState extends FilesDeps {
  run: RunFilesJob;
  keys: RememberedKeys;
  /** Of file sources, for as long as somebody has them. */
  trees: WeakMap<FileSource, EntryTree>;
}

/** What of a job is the same wherever it is carried out. */
export function copyJob({ destination, owner, mode, parents, exclude }: CopyOp) {
  return { kind: "copy", destination, owner, mode, rules: { parents, exclude } } as const;
}

/** Directories of a tree, topmost first. */
export function rootsOf(state: Pick<FilesDeps, "snapshots">, { chainId }: TreeResult): Roots {
  if (chainId === undefined) return [{ directory: emptyDirectory(state), origins: [] }];
  return state.snapshots.stackFiles(chainId);
}

/** Where a thread sees nothing. */
export function emptyDirectory({ snapshots }: Pick<FilesDeps, "snapshots">): string {
  const view = snapshots.view(undefined);
  if (view.kind !== "bind") throw new Error("the empty tree is a directory");
  return view.source;
}
