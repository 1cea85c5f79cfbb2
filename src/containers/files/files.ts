import type { Change } from "../../storage/snapshots/changes/layer-changes.ts";
import type { PathStatus } from "../../storage/snapshots/pack/path-status.ts";
import type { ContainerSpec } from "../container-spec.ts";

export type { Change, PathStatus };

export interface WriteArchiveOptions {
  /** A directory and something else never replace one another (`noOverwriteDirNonDir`). */
  keepKinds: boolean;
  /** All that is made belongs to the container's user, if it has one (`copyUIDGID`). */
  ownedByUser: boolean;
  signal: AbortSignal;
}

export interface CommitOptions {
  /** "": no name. */
  repository: string;
  tag: string;
  comment: string;
  author: string;
  /** Nothing in the container runs while its files are read. */
  pause: boolean;
  /** Dockerfile instructions (`CMD`, `ENV`, …). */
  changes: string[];
  /** What the image says where it differs from the container; undefined: as the container. */
  config: ContainerSpec | undefined;
  signal: AbortSignal;
}

/**
 * The files of a container, as its processes see them: in whatever state it is, volumes included. Paths are the container's, made
 * absolute; links lead nowhere else. Throws not-found `Could not find the file x in container y`.
 */
export interface ContainerFiles {
  pathStatus(reference: string, path: string): Promise<PathStatus>;
  /** A tar archive whose names begin with the path's last component. The stream is read to its end or given back. */
  readArchive(
    reference: string,
    path: string,
    signal: AbortSignal,
  ): Promise<{ status: PathStatus; stream: AsyncIterable<Uint8Array> }>;
  /**
   * Extracts an archive, plain or compressed, into a directory. Throws invalid-argument when it is none, forbidden when it is
   * read-only. What came before a failure stays.
   */
  writeArchive(
    reference: string,
    path: string,
    archive: AsyncIterable<Uint8Array>,
    options: WriteArchiveOptions,
  ): Promise<void>;
  /** What differs from the image, by path. */
  changes(reference: string): Promise<Change[]>;
  /** The root file system without what is mounted over it, as a tar archive. */
  export(reference: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** An image of the container's files. Returns its ID. */
  commit(reference: string, options: CommitOptions): Promise<string>;
}
