import type { ImageConfig } from "../formats/oci/config.ts";
import type { ImagesUsage } from "./usage.ts";
import type { ChainID } from "../storage/snapshots/snapshots.ts";

export type { ImageConfig };

export interface Image {
  /** Digest of the config. */
  id: string;
  /** `repo:tag`, familiar form (`busybox:latest`). */
  repoTags: string[];
  /** `repo@sha256:…`. */
  repoDigests: string[];
  config: ImageConfig;
  comment: string;
  dockerVersion: string;
  /** Uncompressed bytes of all layers. */
  sizeBytes: number;
  /** ID of the image that it was made of, if that is (or was) here; absent: it came whole. */
  parent?: string;
  /** Committed snapshot a container stands on; undefined for an image without layers. */
  chainId: ChainID | undefined;
  lastTaggedAt?: Date;
}

export interface HistoryEntry {
  /** Image ID, or "<missing>". */
  id: string;
  createdAt: Date;
  createdBy: string;
  tags: string[];
  sizeBytes: number;
  comment: string;
}

/** One message of a progress stream (`jsonstream` on the wire). */
export interface ProgressMessage {
  id?: string;
  status?: string;
  stream?: string;
  current?: number;
  total?: number;
  aux?: unknown;
}

export interface ImportOptions {
  repository: string;
  tag: string;
  /** "": where it came from. */
  message: string;
  /** Dockerfile instructions (`CMD`, `ENV`, …). */
  changes: string[];
  platform?: string;
  /** Where the archive came from, for the message. */
  source: string;
  signal: AbortSignal;
}

export type RemovedImage = { untagged: string } | { deleted: string };

/** `reference`: familiar name with tag or digest, full ID, or an unambiguous ID prefix. Throws not-found `No such image: x`. */
export interface Images {
  /** `platform`: of a name that stands for several. Throws not-found where it is not there. */
  get(reference: string, options?: { platform?: string }): Promise<Image>;
  /** Filters: dangling label label! before since reference until. */
  list(options: { all: boolean; filters: Record<string, string[]> }): Promise<Image[]>;
  history(reference: string, options?: { platform?: string }): Promise<HistoryEntry[]>;
  tag(reference: string, target: string): Promise<void>;
  /** Messages in Docker's order: `{ untagged }` then `{ deleted }`. Throws conflict while a container uses it. */
  remove(reference: string, options: { force: boolean; prune: boolean; platforms?: string[] }): Promise<RemovedImage[]>;
  /** Images that nobody uses; `dangling=false`: also those with a tag. Filters: dangling label label! until. */
  prune(filters: Record<string, string[]>): Promise<{ removed: RemovedImage[]; reclaimedBytes: number }>;
  /** Sizes of the images that `list` shows, for `system df`. */
  usage(): Promise<ImagesUsage>;
  /** Docker archive or OCI layout, plain or compressed. `platforms`: only these; else all that are there. Progress is sent to `report`. */
  load(
    archive: AsyncIterable<Uint8Array>,
    options: { quiet: boolean; platforms?: string[]; report: (message: ProgressMessage) => void; signal: AbortSignal },
  ): Promise<void>;
  /** `platforms`: only these of names that stand for several. A docker archive that is a valid OCI layout at the same time, as Docker 25+ writes. */
  save(
    references: string[],
    options: { platforms?: string[]; signal: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array>>;
  /** Returns the image ID. */
  import(archive: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<string>;
  /** The same with an archive that is fetched. `url`: http or https; without a scheme it is http. */
  importFrom(
    url: string,
    options: Omit<ImportOptions, "source"> & { report: (message: ProgressMessage) => void },
  ): Promise<string>;
}
