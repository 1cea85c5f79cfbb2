/** Content-addressed name of a stack of layers. @see OCI image-spec config.md "Layer ChainID" */
export type ChainID = string;

/** How the runtime mounts a snapshot: an overlay whose paths are relative to `cwd`, or one directory to bind. */
export type RootMount =
  | { kind: "overlay"; cwd: string; data: string; lower: string[]; upper: string; work: string }
  | { kind: "bind"; source: string };

/**
 * Layers as directories. Committed snapshots are named by chainID and never change; an active one belongs to a container and is
 * named by its ID. Life of a layer: `stage` → write files below `path` → `commit` (fsynced, renamed) or `discard`.
 * Nothing is mounted on the host: `mounts()` is data for the launch plan. One file per driver.
 */
export interface Snapshots {
  readonly driver: string;
  has(chainId: ChainID): boolean;
  stage(parent: ChainID | undefined): Promise<StagedLayer>;
  /** Writable layer over `parent` (undefined: an empty root). Throws conflict if `key` exists. */
  prepare(key: string, parent: ChainID | undefined): Promise<RootMount>;
  mounts(key: string): RootMount;
  /** Removes an active snapshot's directories. Absent: nothing. */
  remove(key: string): Promise<void>;
  /** Removes a committed layer. Throws conflict while another snapshot stands on it. */
  removeLayer(chainId: ChainID): Promise<void>;
  /** Bytes on disk of an active snapshot's own layer. */
  usage(key: string): Promise<number>;
  layerUsage(chainId: ChainID): Promise<number>;
  listActive(): string[];
  listLayers(): ChainID[];
  /**
   * One small file of the merged view, resolved across the layers without a mount (symlinks inside the root, whiteouts and
   * opaque directories honoured). undefined if there is none or it is not a regular file. Throws invalid-argument over `limitBytes`.
   */
  readFile(key: string, path: string, limitBytes: number): Promise<Uint8Array | undefined>;
}

export interface StagedLayer {
  /** Empty directory to fill. */
  path: string;
  commit(chainId: ChainID, sizeBytes: number): Promise<void>;
  discard(): Promise<void>;
}
