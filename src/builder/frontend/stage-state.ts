import { DockerfileError } from "../../formats/dockerfile/dockerfile-error.ts";
import { type ExpandOptions, expandHeredoc, expandWord, expandWords } from "../../formats/dockerfile/expand.ts";
import type { Dockerfile, Location } from "../../formats/dockerfile/instructions.ts";
import { MAX_CONFIG_BYTES } from "../../formats/oci/config.ts";
import type { Platform } from "../../formats/oci/platform.ts";
import type { SolveRequest } from "../builder.ts";
import type { Vertex, VertexIndex } from "../graph.ts";
import type { Environment } from "./environment.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import type { ImageState } from "./image-state.ts";
import type { HistoryStep, PlannedStep, TargetPlan } from "./plan.ts";
import type { Command, StageNode } from "./stage-node.ts";
import { stepName } from "./vertex-names.ts";

/** Marks lines of the history that BuildKit's frontend made; the same for every protocol. */
const HISTORY_COMMENT = "buildkit.dockerfile.v0";

/** What holds for all stages of one platform. */
export interface Planner {
  graph: GraphBuilder;
  request: SolveRequest;
  escape: Dockerfile["directives"]["escape"];
  /** Platform and meta ARGs. */
  globals: Environment;
  target: Platform;
  /** Several platforms are built: names of vertices say theirs. */
  severalPlatforms: boolean;
  epochSeconds: number | undefined;
  /**
   * What `path` of a stage, image or context is copied or mounted from. Throws invalid-argument with `problem` for a stage that
   * comes later in the file.
   */
  sourceVertex(node: StageNode, path: string, problem: string): VertexIndex;
}

export interface StageArgument {
  name: string;
  value: string | undefined;
  /** The value is that of a global argument: its description stands there. */
  isGlobal: boolean;
  location: Location;
}

export interface StageNeed {
  kind: "secret" | "ssh";
  id: string;
  required: boolean;
  location: Location;
}

/** A stage as it stands after the instructions so far. */
export interface StageState {
  /** As progress shows it; "" in a file of one stage. */
  readonly label: string;
  readonly platform: Platform;
  readonly ignoreCache: boolean;
  /** Steps that progress counts, and how many of them there were. */
  readonly steps: number;
  step: number;
  /** The stage's own instructions so far. */
  instructions: PlannedStep[];
  /** The tree. */
  vertex: VertexIndex;
  image: ImageState;
  /** ENV and ARG; the one that came last wins. */
  environment: Environment;
  /** Every ARG of this stage and of those it stands on, for the history of RUN. */
  args: StageArgument[];
  /** Secrets and agents that the stage's own RUNs ask for, for `--call=outline`. */
  needs: StageNeed[];
  /** The stage itself has a CMD: an ENTRYPOINT that follows leaves it alone. */
  commandSet: boolean;
  base: TargetPlan["base"];
  baseHistory: Record<string, unknown>[];
  history: HistoryStep[];
  /** Of all lines of the history. */
  historyChars: number;
}

/** What carrying out one instruction needs. */
export interface Step {
  planner: Planner;
  stage: StageState;
  command: Command;
}

/** Variables of the stage as they are before the instruction. */
export function expander({ planner, stage }: Pick<Step, "planner" | "stage">) {
  const lookup = (name: string) => stage.environment.get(name);
  const options: ExpandOptions = { escape: planner.escape };
  return {
    word: (text: string) => expandWord(text, lookup, options),
    words: (text: string) => expandWords(text, lookup, options),
    document: (text: string) => expandHeredoc(text, lookup),
  };
}

/** One line of the history. Throws DockerfileError where all of them would not fit into an image's config. */
export function addHistory(stage: StageState, createdBy: string, vertex?: VertexIndex): void {
  stage.historyChars += createdBy.length;
  if (stage.historyChars > MAX_CONFIG_BYTES) {
    throw new DockerfileError(`the history of the image is longer than ${MAX_CONFIG_BYTES} characters`);
  }
  stage.history.push({ createdBy, comment: HISTORY_COMMENT, author: "", vertex });
}

/** Counts a step, and gives the name of its vertex. `text` is already expanded. */
export function nextStep(planner: Planner, stage: StageState, shown: { text: string; isTrigger: boolean }): string {
  stage.step++;
  return currentStep(planner, stage, shown);
}

/** Name of a further vertex of the same step. */
export function currentStep(
  { severalPlatforms }: Planner,
  { label, step, steps, platform, environment }: StageState,
  { text, isTrigger }: { text: string; isTrigger: boolean },
): string {
  return stepName(
    { label, step, steps, platform: severalPlatforms ? platform : undefined, environment, isTrigger },
    text,
  );
}

/** The only stage of a file has a title, too, for what counts steps by stage. */
export function stageTitle({ label }: Pick<StageState, "label">): string {
  return label === "" ? "stage-0" : label;
}

/** A vertex of this stage. */
export function addVertex(
  planner: Planner,
  stage: StageState,
  vertex: Pick<Vertex, "op" | "inputs" | "name"> & { location: Location },
): VertexIndex {
  return planner.graph.add({
    ...vertex,
    stage: stageTitle(stage),
    ignoreCache: stage.ignoreCache,
  });
}
