import type { BuildEvent } from "./events.ts";
import type { CopyOp, Op, RunOp, SourceOp } from "./graph.ts";
import type { NewLayer } from "./layers/layers.ts";
import type { FilesResult, TreeResult, VertexResult } from "./results.ts";
import type { BuildSession } from "./session.ts";

/** What carrying out one vertex may use of its build. */
export interface OpContext extends NewLayer {
  /** Name of the vertex in events. */
  vertex: string;
  /** Of the vertex, for error texts and container names. */
  name: string;
  report: (event: BuildEvent) => void;
  session: BuildSession | undefined;
  buildId: string;
  resources: import("./graph.ts").BuildResources;
  /** Namespace of cache mounts (BUILDKIT_CACHE_MOUNT_NS). */
  cacheMountNamespace: string;
}

/**
 * Carries out operations. Each throws EngineError in the user's words; what it made is gone then. None of them looks at the cache.
 * Keys decide about reuse: two ops with the same JSON, the same key and inputs of the same kind give the same result.
 */
export interface Executor {
  source(op: SourceOp, context: OpContext): Promise<FilesResult>;
  copy(op: CopyOp, inputs: VertexResult[], context: OpContext): Promise<TreeResult>;
  mkdir(op: Extract<Op, { kind: "mkdir" }>, base: TreeResult, context: OpContext): Promise<TreeResult>;
  link(base: TreeResult, top: TreeResult, context: OpContext): Promise<TreeResult>;
  run(op: RunOp, inputs: VertexResult[], context: OpContext): Promise<TreeResult>;
  /**
   * Digest of what a copy would read from its inputs (without inputs[0]): names, kinds, modes, owners, link targets and contents,
   * but no times, so that the same files copied again are the same. Throws not-found as the copy would: a source is missing.
   */
  copyKey(op: CopyOp, inputs: VertexResult[], context: OpContext): Promise<string>;
  /** The same for what a RUN has mounted (bind mounts, cache mounts with `from`). "": nothing. */
  mountKey(op: RunOp, inputs: VertexResult[], context: OpContext): Promise<string>;
}
