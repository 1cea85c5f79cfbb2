import type { RootView } from "../../kernel/root-view.ts";
import type { ViewMount } from "../../kernel/view-mounts.ts";
import type { SnapshotAudit } from "./audit.ts";
import type { LinkedFiles, LinkOrigin } from "./links/link-origins.ts";
import type { Sealed, SealOptions } from "./seal/seal.ts";

/** Content-addressed name of a stack of layers. @see OCI image-spec config.md "Layer ChainID" */
export type ChainID = string;

/** How the runtime mounts a snapshot: an overlay whose paths are relative to `cwd`, or one directory to bind. */
export type RootMount =
  | { kind: "overlay"; cwd: string; data: string; lower: string[]; upper: string; work: string }
  | { kind: "bind"; source: string };

/**
 * Layers as directories. Committed snapshots are named by chainID and never change; an active one belongs to a container and is
 * named by its ID. Life of a layer: `stage` → write files below `path` → `commit` (renamed) or `discard`.
 * Nothing is mounted on the host: `mounts()` is data for the launch plan. One file per driver.
 */
export interface Snapshots {
  readonly driver: string;
  /** A layer whose files an unclean end of the machine may have cut is not there: it is to be committed again. */
  has(chainId: ChainID): boolean;
  stage(): Promise<StagedLayer>;
  /**
   * What an active snapshot has of its own, as a layer that is to be committed; the snapshot is gone then. Nothing may have it mounted.
   * Throws not-found.
   */
  stageActive(key: string): Promise<StagedLayer>;
  /** A committed layer's own files. Never to be written to. Throws not-found. */
  layerDirectory(chainId: ChainID): string;
  /** Whether an archive of the layer, with its diffID, can be made of its files. Absent: false. */
  isSealed(chainId: ChainID): boolean;
  /** A committed stack's directories, topmost first; undefined: of the empty root. */
  stackDirectories(chainId: ChainID | undefined): LayerDirectories;
  /** The same, each with where its files may have been made. Empty: of the empty root. Throws not-found. */
  stackFiles(chainId: ChainID | undefined): LinkedFiles[];
  /**
   * Writable layer over `parent` (undefined: an empty root). `volatile`: never synced to disk, for a container that goes away with
   * its process. Throws conflict if `key` exists, not-found if the parent does not.
   */
  prepare(key: string, parent: ChainID | undefined, options?: { volatile: boolean }): Promise<RootMount>;
  /** Throws not-found when there is no such active snapshot. */
  mounts(key: string): RootMount;
  /** What a committed stack looks like, read-only: data for `copyUp`, export and build steps. `upper` and `work` are "". */
  view(chainId: ChainID | undefined): RootMount;
  /** The same for what an active snapshot stands on, without its own changes. */
  imageView(key: string): RootMount;
  /** Whether another snapshot stands on it: then it cannot be removed. */
  isUsed(chainId: ChainID): boolean;
  /** An active snapshot with its own changes, for a worker to enter. `writable`: what is written becomes a change of the snapshot. */
  rootView(key: string, options: { writable: boolean; mounts: ViewMount[] }): RootView;
  /** Where an active snapshot's own directory and those below it are, topmost first; `layers` are relative to `root`. */
  directories(key: string): LayerDirectories;
  /** Removes an active snapshot's directories. Absent: nothing. */
  remove(key: string): Promise<void>;
  /** Removes a committed layer. Throws conflict while another snapshot stands on it. Absent: nothing. */
  removeLayer(chainId: ChainID): Promise<void>;
  /**
   * What removed layers have given back (see `FreedBytes`), told once for each: resolves when their files are deleted. Layers that are
   * there: nothing.
   */
  freedBytes(chainIds: Iterable<ChainID>): Promise<number>;
  /** Bytes of the files of an active snapshot's own layer. */
  usage(key: string): Promise<number>;
  /** Bytes of the files of the layers that an active snapshot stands on. */
  imageUsage(key: string): number;
  /** The committed layer whose directory, directly in the root, has this name. undefined: none. */
  layerIn(directory: string): ChainID | undefined;
  /** The committed layers that an active snapshot stands on, topmost first. Throws not-found. */
  stackOf(key: string): ChainID[];
  /** A committed layer and those below it, topmost first. Empty: there is no such layer. */
  layerStack(chainId: ChainID): ChainID[];
  /** Bytes of the layer's files, as given to `commit`. undefined: there is no such layer. */
  layerBytes(chainId: ChainID): number | undefined;
  /** The same count for any directory on the host, such as a volume's. */
  directoryUsage(directory: string): Promise<number>;
  /** Resolves when every committed layer is durable. */
  settle(): Promise<void>;
  /** What is on disk against what is known. */
  audit(): Promise<SnapshotAudit>;
  /** A damaged layer is not there any more for `has`, so that it is committed anew. */
  doubt(chainId: ChainID): void;
  /** Takes away a stray file or directory of `audit`. */
  discard(path: string): void;
  listActive(): string[];
  listLayers(): ChainID[];
  /**
   * One small file of the merged view, resolved across the layers without a mount (symlinks inside the root, whiteouts and
   * opaque directories honoured). undefined if there is none or it is not a regular file. Throws invalid-argument over `limitBytes`.
   */
  readFile(key: string, path: string, limitBytes: number): Promise<Uint8Array | undefined>;
  /**
   * What mounts at these paths of an active snapshot will have made for them: real paths, links followed inside the root, without
   * the leading slash. Throws not-found.
   */
  mountPoints(key: string, paths: string[]): string[];
  /** Releases workers. The directories stay. */
  close(): Promise<void>;
}

export interface LayerDirectories {
  root: string;
  layers: string[];
}

export interface StagedLayer {
  /** Empty directory to fill. */
  path: string;
  /**
   * Makes the layer visible at once, and durable some time later. If the same chainID was committed meanwhile, this copy is discarded.
   */
  commit(layer: CommittedLayer): Promise<void>;
  discard(): Promise<void>;
  /** Tidies and hashes a layer that did not come as an archive, before it is committed on `parent`. See `Sealer`. */
  seal(parent: ChainID | undefined, options: SealOptions): Promise<Sealed>;
}

export interface CommittedLayer {
  chainId: ChainID;
  parent: ChainID | undefined;
  sizeBytes: number;
  /** It did not come as an archive: one is made of its files when it is wanted. */
  sealed?: boolean;
  /** Where files were made that it has hard links of, as `LinkGuard.linkedFrom` says. Absent: it has none. */
  linkedFrom?: LinkOrigin[];
  /**
   * Directories (relative, "" is the root; parents first) that the layer only implied: they take owner, mode and times from the
   * parent's view of them.
   */
  impliedDirectories?: Uint8Array[];
}
