import type { Duplex } from "node:stream";

/**
 * The client of a build, as far as it can be asked for things while it runs. Three kinds: BuildKit's gRPC session, Gantry's own
 * stream, and none (a classic build). Every call rejects with unavailable when the client has gone.
 */
export interface BuildSession {
  readonly id: string;
  /** Aborted when the client has gone. */
  readonly closed: AbortSignal;
  /** Whether the client offers directories at all; a classic build has sent an archive instead. */
  readonly hasDirectories: boolean;
  /**
   * Files of a directory that the client has sent beforehand, by path; those that it does not have are not in the map. undefined: not
   * all of them are known, and they have to be asked for.
   */
  sentFiles?(directory: string, paths: string[]): Map<string, Uint8Array> | undefined;
  /** Walks one of the client's directories. Resolves when all that was wanted has come. Throws not-found: there is no such directory. */
  receive(request: DirectoryRequest, sink: DirectorySink, signal: AbortSignal): Promise<void>;
  /** undefined: the client has no such secret. */
  secret(id: string, signal: AbortSignal): Promise<Uint8Array | undefined>;
  hasAgent(id: string, signal: AbortSignal): Promise<boolean>;
  /** One connection to the client's ssh agent. */
  openAgent(id: string, signal: AbortSignal): Promise<Duplex>;
  /** Account for a registry's host; undefined: none. */
  credentials(host: string, signal: AbortSignal): Promise<RegistryAccount | undefined>;
  /** An archive for the client's output number `output` (tar, docker, oci). `metadata`: for the exporter's metadata. */
  sendArchive(output: string, archive: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
  /** A directory for the client's output (local): a tar stream whose entries the client writes below its destination. */
  sendDirectory(output: string, directory: OutgoingDirectory, signal: AbortSignal): Promise<void>;
  /** OCI layouts of the client, for caches of type local. Absent: the client offers none. */
  readonly layouts?: ClientLayouts;
}

/**
 * Blobs in directories of the client. `id`: the directory, as BuildKit's clients call it: `local:<path>`. The client keeps
 * `index.json` itself: it says which manifest is meant (attribute `digest`), and writes what the answer's `cache.manifest` says.
 */
export interface ClientLayouts {
  has(id: string, digest: string, signal: AbortSignal): Promise<boolean>;
  /** Throws not-found. Nothing is verified. */
  read(id: string, digest: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
  write(
    id: string,
    blob: { digest: string; sizeBytes: number; bytes: AsyncIterable<Uint8Array> },
    signal: AbortSignal,
  ): Promise<void>;
}

export interface RegistryAccount {
  username: string;
  password: string;
  identityToken: string;
}

export interface DirectoryRequest {
  /** `context`, `dockerfile`, or a named one. */
  name: string;
  /** Patterns; empty: everything. */
  include: string[];
  exclude: string[];
  /** Names whose symlinks are followed, so that what they lead to is included. */
  followPaths: string[];
}

/** What the client says of a name. Depth-first, each directory's names in byte order, directories before what they hold. */
export interface RemoteEntry {
  /** Relative, "/" between components, no "." or "..". */
  path: string;
  type: "file" | "directory" | "symlink" | "fifo" | "character" | "block" | "socket";
  /** Permission bits with set-id and sticky. */
  mode: number;
  uid: number;
  gid: number;
  sizeBytes: number;
  modifiedNs: bigint;
  /** Of a symlink its target; of a further name of an earlier file: that one's path (type file). */
  linkName: string;
  deviceMajor: number;
  deviceMinor: number;
  xattrs: Map<string, Uint8Array>;
}

/** Takes what a client sends. Errors thrown here end the transfer and are what `receive` rejects with. */
export interface DirectorySink {
  /** `index` counts all entries from 0. True: its bytes are wanted. */
  entry(entry: RemoteEntry, index: number): boolean;
  /** Bytes of a wanted file, in order; files may be interleaved. A promise holds the client back. */
  data(index: number, bytes: Uint8Array): void | Promise<void>;
  end(index: number): void | Promise<void>;
}

/** A tree that goes to the client: as stats with contents on demand (BuildKit), or as tar (our own client). */
export interface OutgoingDirectory {
  /** Plain tar of everything, names relative, in the order of the tree. */
  archive(): AsyncIterable<Uint8Array>;
  entries(): AsyncIterable<RemoteEntry>;
  read(path: string): AsyncIterable<Uint8Array>;
}
