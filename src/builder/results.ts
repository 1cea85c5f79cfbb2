import type { LayerRow } from "../storage/records/images.ts";
import type { ChainID } from "../storage/snapshots/snapshots.ts";

/** What a vertex has made. */
export type VertexResult = TreeResult | FilesResult;

/**
 * A stack of layers, base first, all of them committed snapshots. Layers that were built have their diffID as `digest`, and their
 * blob need not be in content: see `ImageStore.materialize`.
 */
export interface TreeResult {
  kind: "tree";
  layers: LayerRow[];
  /** undefined: the empty tree. */
  chainId: ChainID | undefined;
  /** When the topmost layer was made; of an image: when it was. For history, so that a build from the cache is the same image. */
  createdAt: Date;
  /** Of the layer that this vertex added: undefined where it added none. */
  added: LayerRow | undefined;
}

/** Files from outside the engine, with what is known of each. They stay until the build is over. */
export interface FilesResult {
  kind: "files";
  source: FileSource;
}

/** A directory on the host that nobody else writes to, and its table of contents. */
export interface FileSource {
  /** Absolute. Files below it never change: they may be hard-linked. */
  directory: string;
  /** In depth-first order, names in byte order, a directory before what it holds. */
  entries: SourceEntry[];
  /**
   * Where the files were made, if another source may have names of the same ones: they share it then. Absent: in `directory`, which
   * no other build has.
   */
  birthplace?: string;
  /** For provenance: what was fetched. `digest` of an archive or commit. */
  origin: { uri: string; digest: string | undefined } | undefined;
}

export interface SourceEntry {
  /** Relative, without leading slash; bytes as latin1 are NOT used: UTF-8 text, invalid bytes escaped by the receiver are refused. */
  path: string;
  type: "file" | "directory" | "symlink" | "fifo" | "character" | "block";
  /** Permission bits with set-id and sticky. */
  mode: number;
  uid: number;
  gid: number;
  sizeBytes: number;
  modifiedNs: bigint;
  /** Of a symlink; of a file that is another name of an earlier one: `hardlinkTo`. */
  linkName: string;
  hardlinkTo: string | undefined;
  /** Of a file's content, `sha256:…`; "" for others. */
  digest: string;
  deviceMajor: number;
  deviceMinor: number;
  /** Attributes that a copy has, too, as `files/counted-xattrs.ts` writes them. Absent: none. */
  xattrs?: string;
}
