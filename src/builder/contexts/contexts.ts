import type { ContextSource } from "../builder.ts";
import type { BuildEvent } from "../events.ts";
import type { FileSource } from "../results.ts";
import type { BuildSession } from "../session.ts";

export interface ContextOptions {
  session: BuildSession | undefined;
  /** Of the vertex that stands for it in events. */
  vertex: string;
  report: (event: BuildEvent) => void;
  signal: AbortSignal;
}

/** Contexts of builds: directories of clients (kept, so that only what changed is sent again), archives, git and http. */
export interface Contexts {
  /** Nothing is transferred yet. Throws invalid-argument for a URL that is none. */
  open(source: ContextSource, options: ContextOptions): Promise<OpenContext>;
  /** What the kept directories take of the disk, for the cache's list; and away with one of them. In use: conflict. */
  list(): Promise<KeptContext[]>;
  remove(id: string): Promise<void>;
  close(): Promise<void>;
}

export interface KeptContext {
  id: string;
  description: string;
  /** Without files that layers share by hard links. */
  sizeBytes: number;
  inUse: boolean;
  createdAt: Date;
  lastUsedAt: Date;
}

export interface OpenContext {
  /**
   * Small files by path, for the Dockerfile and ignore files. Not there: not in the map. A link is followed inside the context only.
   * Throws invalid-argument for what is no regular file or larger than `limitBytes`.
   */
  readFiles(paths: string[], limitBytes: number, signal: AbortSignal): Promise<Map<string, Uint8Array>>;
  /** The context was not an archive but a Dockerfile by itself (http, or text on standard input). */
  readonly onlyDockerfile: Uint8Array | undefined;
  /**
   * Brings what is wanted, and leaves out what the ignore patterns (`exclude`) say. `include` and `followPaths` are a hint: more may
   * come. The files stay until `close`.
   */
  files(
    selection: { include: string[]; exclude: string[]; followPaths: string[] },
    options: ContextOptions,
  ): Promise<FileSource>;
  close(): Promise<void>;
}
