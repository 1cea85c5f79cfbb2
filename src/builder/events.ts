import type { CheckFinding } from "../formats/dockerfile/checks/run-checks.ts";

/**
 * What happens in a build, in order; BuildKit's StatusResponse in our words. `vertex` is a name of the vertex that is the same in
 * every build with the same inputs: `sha256:…`.
 * @see BuildKit api/services/control/control.proto
 */
export type BuildEvent =
  /** Told once, when the Dockerfile has become a plan: what the classic protocol shows as `Step 2/5 : …`. */
  | { kind: "steps"; steps: BuildStep[] }
  /** Told again whenever something of it changes. */
  | { kind: "vertex"; vertex: VertexStatus }
  /** Something countable within a vertex: a layer that is pulled, a context that arrives. Told again as it grows. */
  | {
      kind: "progress";
      vertex: string;
      id: string;
      /** What is done: "transferring context:", "sha256:… extracting". */
      name: string;
      current: number;
      /** 0: not known. */
      total: number;
      startedAt: Date;
      completedAt: Date | undefined;
    }
  | { kind: "log"; vertex: string; stream: 1 | 2; data: Uint8Array; at: Date }
  | { kind: "warning"; vertex: string; warning: BuildWarning };

/** One instruction of the stages that are carried out, in the order of the Dockerfile; also those that only change the config. */
export interface BuildStep {
  /** As Docker shows it, variables expanded where Docker does it: `FROM busybox AS build`, `RUN make`. */
  text: string;
  /** Name of the vertex that carries it out; undefined: it changes the config only. */
  vertex: string | undefined;
}

export interface VertexStatus {
  digest: string;
  inputs: string[];
  name: string;
  startedAt: Date | undefined;
  completedAt: Date | undefined;
  cached: boolean;
  error: string;
  /** Stage it belongs to, and `2/5`; "" for internal ones. */
  stage: string;
  step: string;
}

/** A build check that found something. @see BuildKit frontend/dockerfile/docs/rules */
export type BuildWarning = CheckFinding;
