import type { Platform } from "../../formats/oci/platform.ts";
import type { ImageRow } from "../../storage/records/images.ts";
import type { SolvedTarget } from "../builder.ts";
import type { BuildWarning } from "../events.ts";
import type { Graph, VertexIndex } from "../graph.ts";

/** A Dockerfile turned into work. */
export interface BuildPlan {
  graph: Graph;
  targets: TargetPlan[];
  warnings: BuildWarning[];
  /** Patterns of the main context's ignore file, and of named contexts' own ones, by context name. */
  ignore: Record<string, string[]>;
  /** SOURCE_DATE_EPOCH, from the request or the Dockerfile: later times become this one; of layers, of the image and its history. */
  epochSeconds: number | undefined;
  /** BUILDKIT_CACHE_MOUNT_NS: keeps cache mounts of the same id apart. */
  cacheMountNamespace: string;
}

/** One platform of the wanted stage. */
export interface TargetPlan {
  platform: Platform;
  vertex: VertexIndex;
  /** `FROM` of the stage, for `--squash` and base names; undefined: it stands on nothing. */
  base: { reference: string; imageId: string; vertex: VertexIndex } | undefined;
  /** The config document: everything but `rootfs`, `history` and `created`. */
  config: Record<string, unknown>;
  /** Of the base, as its document has it; then one line for each instruction. */
  baseHistory: Record<string, unknown>[];
  history: HistoryStep[];
  /** Every instruction of the stages that are carried out, in the file's order, as the classic protocol counts them. */
  steps: PlannedStep[];
}

export interface PlannedStep {
  /** Name in upper case, variables as written: `FROM busybox AS build`, `RUN make`. */
  text: string;
  /** The vertex that carries it out; undefined: it changes the config only. */
  vertex: VertexIndex | undefined;
}

export interface HistoryStep {
  createdBy: string;
  comment: string;
  author: string;
  /** The vertex whose layer belongs to the line; undefined: an empty one. */
  vertex: VertexIndex | undefined;
}

export interface ResolvedImage {
  row: ImageRow;
  /** Canonical, with the digest if it came from a registry. */
  reference: string;
  /** Parsed config document, as it stands. */
  document: Record<string, unknown>;
  platform: Platform;
  /** Of what another build has made: what went into it. */
  materials?: SolvedTarget["materials"];
}

export interface FrontendDeps {
  /** The image for a FROM or `--from`, brought if it is not here (or `pull`). Throws not-found in Docker's words. */
  resolveImage(reference: string, platform: Platform): Promise<ResolvedImage>;
  /** The image of a named context that another build has made, or that a client has in a layout. Throws not-found. */
  resolveContext(context: string, platform: Platform): Promise<ResolvedImage>;
  /** Small files of a context by path; not in the map: not there. Throws for one that is too large. */
  readFiles(context: string, paths: string[]): Promise<Map<string, Uint8Array>>;
  /** Of the host. */
  buildPlatform: Platform;
}
