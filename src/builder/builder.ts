import type { BuildEvent, BuildWarning } from "./events.ts";
import type { BuildResources } from "./graph.ts";
import type { SourceEntry, TreeResult } from "./results.ts";
import type { BuildSession } from "./session.ts";

/** Where files of a build come from. */
export type ContextSource =
  /** A directory of the session's client. `sharedKey`: the same directory of the same client has the same one, over many builds. */
  | { kind: "session"; name: string; sharedKey: string }
  /** An archive, plain or compressed; read once. */
  | { kind: "archive"; archive: AsyncIterable<Uint8Array> }
  /** `https://…`: an archive, or a Dockerfile by itself. */
  | { kind: "http"; url: string }
  /** `https://host/x.git#ref:subdir`, `git@host:x`. */
  | { kind: "git"; url: string; keepGitDirectory?: boolean }
  | { kind: "image"; reference: string }
  /** An image in an OCI layout of the session's client. `store`: as the client calls it, `oci:…`. */
  | { kind: "layout"; store: string; digest: string }
  /** What another build has made; its layers must still be here. `config`: the image's, or nothing for files alone. */
  | { kind: "result"; target: SolvedTarget; config: Record<string, unknown> };

/** What a Dockerfile is built with. `attribute`s are BuildKit's FrontendOpt where one is named. */
export interface SolveRequest {
  /** The main context; undefined: an empty one. */
  context: ContextSource | undefined;
  /** The directory of the main context that instructions see; its Dockerfile is still found in the whole of it. Absent: all of it. */
  contextSubdirectory?: string;
  /** Where the Dockerfile is, if not in the main context. */
  dockerfile: ContextSource | undefined;
  /** `--build-context name=…`, by name. */
  namedContexts: Record<string, ContextSource>;
  /** Path of the Dockerfile in its context. Default "Dockerfile". */
  fileName: string;
  /** `""`: the last stage. */
  target: string;
  /** `os/arch[/variant]`; empty: the host's. */
  platforms: string[];
  buildArgs: Record<string, string>;
  labels: Record<string, string>;
  /** undefined: use the cache; []: for no stage; else not for these. */
  noCache: string[] | undefined;
  /** Ask registries even for images that are here. */
  pull: boolean;
  /** Images whose cache may be used although they came from elsewhere, and caches to import. */
  cacheFrom: CacheSpec[];
  /** `default`, `none` or `host`. */
  network: string;
  /** `name:address`. */
  extraHosts: string[];
  hostname: string;
  shmSizeBytes: number | undefined;
  ulimits: { name: string; soft: number; hard: number }[];
  cgroupParent: string;
  resources: BuildResources;
  /** Granted: `security.insecure`, `network.host`. */
  entitlements: string[];
  /** All layers above the base become one. */
  squash: boolean;
  /** SOURCE_DATE_EPOCH or `--timestamp`. */
  epochSeconds: number | undefined;
  /** Accounts for registries, by host, for builds without a session that can be asked. */
  accounts: Record<string, { username: string; password: string; identityToken: string }>;
  /** Attestations that are wanted: provenance mode, SBOM. */
  attestations: Attestations;
}

export interface Attestations {
  provenance: "min" | "max" | undefined;
  sbom: boolean;
  /** Of SLSA's predicate; absent: v0.2, as BuildKit's. */
  provenanceVersion?: "v0.2" | "v1";
  /** `builder-id`, for the predicate. */
  builderId?: string;
  /** What the user claims. */
  reproducible?: boolean;
}

export interface CacheSpec {
  type: "registry" | "inline" | "local";
  /** `ref`, `src`, `dest`, `mode`, … */
  attributes: Record<string, string>;
}

/** Where the result goes. */
export type Output =
  /** Into this engine, under these names (none: an image without a name). `push`: to their registries, too. */
  | { type: "image"; names: string[]; push: boolean; attributes: Record<string, string> }
  /** To the session's client. */
  | { type: "local" | "tar" | "oci" | "docker"; id: string; names: string[]; attributes: Record<string, string> }
  /** Nothing: only the cache gets warm. */
  | { type: "none" };

/** A build that was carried out and whose layers are held until `BuildJob.finish`. */
export interface Solved {
  /** One for each platform, in the order of the request. */
  targets: SolvedTarget[];
  warnings: BuildWarning[];
}

export interface SolvedTarget {
  platform: { os: string; architecture: string; variant?: string };
  /** The image's config document without `rootfs`: what is exported adds its layers to it. */
  config: Record<string, unknown>;
  result: TreeResult;
  /** ID of the image that the final stage stands on, recorded as the new one's parent; absent: none. */
  baseImageId?: string;
  /** What went in, for provenance. `uri`: of a source, or an image's reference. `digest`: `sha256:…`, or a commit. */
  materials: { uri: string; digest: string | undefined }[];
}

/** Something in the tree of a result. Its size is a file's, else 0. */
export interface ResultEntry extends Omit<SourceEntry, "path" | "hardlinkTo" | "digest" | "xattrs"> {
  name: string;
}

/**
 * Looks into the tree of a result, links followed inside. Throws not-found where a path leads nowhere, invalid-argument for what is
 * no regular file, no directory, or too large.
 */
export interface ResultFiles {
  /** `lengthBytes` undefined: to the end. */
  read(path: string, range: { offsetBytes: number; lengthBytes: number | undefined }): Promise<Uint8Array>;
  /** What a directory holds, in byte order; `pattern`: of these names only (Go's wildcards). */
  list(path: string, pattern: string | undefined): Promise<ResultEntry[]>;
  stat(path: string): Promise<ResultEntry>;
}

/** An image as FROM would take it. */
export interface FoundImage {
  /** Canonical, with the digest if it came from a registry. */
  reference: string;
  /** Of its manifest or index. */
  digest: string;
  config: Record<string, unknown>;
}

export interface ExportResult {
  /** Of the (first) image; undefined where none was made. */
  imageId: string | undefined;
  /** BuildKit's ExporterResponse: `containerimage.digest`, `containerimage.config.digest`, `image.name`, … */
  response: Record<string, string>;
}

/** What `--call` asks instead of a build. */
export type Subrequest = "check" | "outline" | "targets";

/**
 * One build from its beginning to its end, known by a name that the client chose. `finish` must be called; it writes the history.
 */
export interface BuildJob {
  readonly ref: string;
  /**
   * Throws invalid-argument for what is wrong with where the build is to go to, before anything is built. `request` undefined: it is
   * not known yet.
   */
  check(outputs: Output[], cacheTo: CacheSpec[], request: SolveRequest | undefined): void;
  /** Throws invalid-argument for what is wrong with the Dockerfile, with file, line and excerpt in the message. */
  solve(request: SolveRequest, signal: AbortSignal): Promise<Solved>;
  export(
    solved: Solved,
    outputs: Output[],
    options: { cacheTo: CacheSpec[]; signal: AbortSignal },
  ): Promise<ExportResult>;
  /** Answer of a subrequest as JSON, in BuildKit's shape (`result.json`), and as text (`result.txt`). */
  call(
    request: SolveRequest,
    call: Subrequest,
    signal: AbortSignal,
  ): Promise<{ json: string; text: string; warnings: BuildWarning[] }>;
  files(target: SolvedTarget, signal: AbortSignal): ResultFiles;
  /** Brings the image if it is not here, or `pull`. `platform` "": the host's. Throws not-found in Docker's words. */
  resolveImage(image: { reference: string; platform: string; pull: boolean }, signal: AbortSignal): Promise<FoundImage>;
  /** All events so far, then further ones until the build is over. Any number of readers. */
  events(signal: AbortSignal): AsyncIterable<BuildEvent>;
  finish(outcome: { error: string | undefined }): void;
}

export interface CacheRecord {
  id: string;
  parents: string[];
  type: "regular" | "source.local" | "exec.cachemount" | "frontend" | "internal" | "source.git.checkout";
  description: string;
  inUse: boolean;
  /** Also part of an image: removing it frees nothing. */
  shared: boolean;
  sizeBytes: number;
  createdAt: Date;
  lastUsedAt: Date | undefined;
  usageCount: number;
}

export interface PruneOptions {
  /** Also what is shared or internal. */
  all: boolean;
  /** `until`, `id`, `parents`, `type`, `description`, `inuse`, `shared`, `private`. */
  filters: Record<string, string[]>;
  /** Stop when the cache takes no more than this. */
  keepStorageBytes: number | undefined;
}

export interface HistoryRecord {
  ref: string;
  name: string;
  /** The main context or URL, for people. */
  context: string;
  dockerfile: string;
  target: string;
  startedAt: Date;
  completedAt: Date | undefined;
  status: "running" | "completed" | "error" | "canceled";
  error: string;
  steps: { total: number; completed: number; cached: number; warnings: number };
  imageId: string | undefined;
  platforms: string[];
  /** Newer ones do not drive it out. */
  pinned: boolean;
}

export interface HistoryChange {
  type: "started" | "completed" | "deleted";
  record: HistoryRecord;
}

/** Builds images and keeps their cache. */
export interface Builder {
  /** Throws conflict when a build with this name is under way. `session` undefined: the client cannot be asked for anything. */
  start(ref: string, options: { session: BuildSession | undefined; name?: string }): BuildJob;
  /** The build with this name, also one that begins within a moment. Throws not-found. */
  job(ref: string, signal: AbortSignal): Promise<BuildJob>;
  cancel(ref: string): void;
  cache(): Promise<CacheRecord[]>;
  /** `report` is told of each record that went. */
  prune(
    options: PruneOptions,
    report?: (record: CacheRecord) => void,
  ): Promise<{ removed: CacheRecord[]; reclaimedBytes: number }>;
  /** How the cache is kept small: one after the other, when it grows. Empty: it is not. */
  gcPolicy(): PruneOptions[];
  /** Newest first. */
  history(): HistoryRecord[];
  /** What becomes of the history from now on, until the signal is aborted. Where several things happen to one build, the last. */
  watchHistory(signal: AbortSignal): AsyncIterable<HistoryChange>;
  /** Throws not-found, and conflict while it is running. */
  pin(ref: string, pinned: boolean): void;
  /** Events of a build that is over. Throws not-found. */
  logs(ref: string): AsyncIterable<BuildEvent>;
  forget(ref: string): void;
  close(): Promise<void>;
}
