import { DockerfileError } from "../../formats/dockerfile/dockerfile-error.ts";
import type { Instruction } from "../../formats/dockerfile/instructions.ts";
import { normalisePlatform, type Platform } from "../../formats/oci/platform.ts";
import { DEFAULT_PATH } from "../../runtime/environment.ts";
import type { CopyOp, VertexIndex } from "../graph.ts";
import { applyInstruction } from "./apply-instruction.ts";
import { blaming } from "./dockerfile-problem.ts";
import { Environment, splitVariable } from "./environment.ts";
import { internalVertex } from "./graph-builder.ts";
import { continuedImage, emptyImage, encodeImage, type ImageState, imageOf } from "./image-state.ts";
import type { TargetPlan } from "./plan.ts";
import type { Root, StageNode } from "./stage-node.ts";
import { nextStep, type Planner, type StageState, stageTitle } from "./stage-state.ts";
import { withoutPasswords } from "./without-passwords.ts";
import { joinWorkingDir } from "./workdir-instruction.ts";

type RootedPlanner = Omit<Planner, "sourceVertex">;

/** Carries out the instructions of all stages that `target` needs, in the file's order, and returns what they have become. */
export function planStages(
  nodes: readonly StageNode[],
  { reached, target, planner: rooted }: { reached: ReadonlySet<StageNode>; target: StageNode; planner: RootedPlanner },
): Map<StageNode, StageState> {
  const states = new Map<StageNode, StageState>();
  const planner: Planner = {
    ...rooted,
    sourceVertex(node, path, problem) {
      const state = states.get(node);
      if (state !== undefined) return state.vertex;
      if (node.stage !== undefined && node.replacedBy === undefined) throw new DockerfileError(problem);
      const root = node.root as Root;
      return root.kind === "context" ? rooted.graph.context(root.name, path) : rootVertex(rooted, root, undefined);
    },
  };
  for (const node of nodes) {
    if (!reached.has(node) || node.stage === undefined) continue;
    // What stands in for a stage is copied from as it is; only a target or base has to be a tree.
    if (node.replacedBy !== undefined && node !== target && !isBase(node, reached)) continue;
    const state = blaming(node.location, () => startStage(node, states, planner));
    states.set(node, state);
    if (node.replacedBy !== undefined) continue;
    for (const command of node.commands) {
      const { vertex } = state;
      blaming(command.instruction.location, () => applyInstruction({ planner, stage: state, command }));
      note(state, command.instruction.text, state.vertex === vertex ? undefined : state.vertex);
    }
  }
  return states;
}

function note({ instructions }: StageState, text: string, vertex: VertexIndex | undefined): void {
  instructions.push({ text: withoutPasswords(text), vertex });
}

function isBase(node: StageNode, reached: ReadonlySet<StageNode>): boolean {
  for (const other of reached) if (other.base === node) return true;
  return false;
}

/** The stage before its first instruction. */
function startStage(node: StageNode, states: ReadonlyMap<StageNode, StageState>, planner: Planner): StageState {
  const base = node.base === undefined ? undefined : states.get(node.base);
  const state: StageState = {
    ...(base === undefined ? rootedState(node, planner) : continuedState(base)),
    label: node.label,
    ignoreCache: ignoresCache(node, planner),
    steps: stepCount(node),
    step: 0,
    instructions: [],
    commandSet: false,
    needs: [],
  };
  if (node.base === undefined) placeOnRoot(node, state, planner);
  note(state, node.stage?.from.text ?? "", node.base === undefined ? state.vertex : undefined);
  completeImage(state.image);
  for (const line of state.image.environment) state.environment.set(...splitVariable(line));
  return state;
}

type StageStart = Omit<
  StageState,
  "label" | "ignoreCache" | "steps" | "step" | "instructions" | "commandSet" | "needs"
>;

function continuedState(base: StageState): StageStart {
  return {
    platform: base.platform,
    vertex: base.vertex,
    image: continuedImage(base.image),
    environment: base.environment.copy(),
    args: [...base.args],
    base: base.base,
    baseHistory: base.baseHistory,
    history: [...base.history],
    historyChars: base.historyChars,
  };
}

function rootedState(node: StageNode, planner: Planner): StageStart {
  const root = node.root as Root;
  // `--platform` of a scratch says nothing: it has no programs.
  const own = root.kind === "image" ? root.platform : root.kind === "context" ? node.platform : undefined;
  const platform = own ?? planner.target;
  const document = root.kind === "image" ? root.image.document : undefined;
  const history = document?.history;
  return {
    platform,
    vertex: -1,
    // The triggers of the image have become instructions of the stage.
    image: document === undefined ? emptyImage(platform) : { ...imageOf(document), onBuild: [] },
    environment: new Environment(),
    args: [],
    base: undefined,
    baseHistory: Array.isArray(history) ? history : [],
    history: [],
    historyChars: 0,
  };
}

function placeOnRoot(node: StageNode, state: StageState, planner: Planner): void {
  const root = node.root as Root;
  if (root.kind === "context") {
    const copy = copyOfContext(planner);
    const scratch = planner.graph.add(internalVertex({ kind: "scratch" }, "[internal] scratch"));
    const context = planner.graph.context(root.name, "/");
    const name = nextStep(planner, state, { text: `FROM ${root.name}`, isTrigger: false });
    state.vertex = planner.graph.add({ ...internalVertex(copy, name, [scratch, context]), location: node.location });
    return;
  }
  const name =
    root.kind === "image" && standsOnFiles(root)
      ? nextStep(planner, state, { text: `FROM ${root.image.reference}`, isTrigger: false })
      : undefined;
  state.vertex = rootVertex(planner, root, name === undefined ? undefined : { name, node, state });
  if (root.kind === "image") {
    state.base = { reference: root.image.reference, imageId: root.image.row.id, vertex: state.vertex };
  }
}

function copyOfContext(planner: Planner): CopyOp {
  return {
    kind: "copy",
    sources: [{ input: 1, path: "/", wildcards: false, unpack: "never", optional: false }],
    destination: "/",
    owner: undefined,
    mode: undefined,
    parents: false,
    exclude: [],
    epochSeconds: planner.epochSeconds,
  };
}

/** The tree of an image or of nothing. An image without layers is nothing, too. */
function rootVertex(
  planner: RootedPlanner,
  root: Exclude<Root, { kind: "context" }>,
  step: { name: string; node: StageNode; state: StageState } | undefined,
): VertexIndex {
  if (root.kind === "scratch" || !standsOnFiles(root)) {
    return planner.graph.add(internalVertex({ kind: "scratch" }, "[internal] scratch"));
  }
  const { row, reference, platform } = root.image;
  const op = { kind: "image" as const, imageId: row.id, reference, platform: normalisePlatform(platform) };
  const plain = root.context === undefined ? `FROM ${reference}` : `[context ${root.context}] ${reference}`;
  return planner.graph.add({
    ...internalVertex(op, step?.name ?? plain),
    stage: step === undefined ? "" : stageTitle(step.state),
    location: step?.node.location,
  });
}

function standsOnFiles(root: Root): boolean {
  return root.kind === "context" || (root.kind === "image" && root.image.row.layers.length > 0);
}

/** A PATH is always set, and the working directory is absolute. */
function completeImage(image: ImageState): void {
  if (!image.environment.some((line) => splitVariable(line)[0] === "PATH") && image.os !== "windows") {
    image.environment.push(`PATH=${DEFAULT_PATH}`);
  }
  if (image.workingDir !== "") image.workingDir = joinWorkingDir("/", image.workingDir);
}

function ignoresCache({ name }: StageNode, { request }: Planner): boolean {
  const { noCache } = request;
  if (noCache === undefined) return false;
  return noCache.length === 0 || noCache.some((stage) => stage.toLowerCase() === name);
}

/** FROM an image counts, and every instruction that has a vertex. */
function stepCount({ base, root, commands }: StageNode): number {
  const from = base === undefined && root !== undefined && standsOnFiles(root) ? 1 : 0;
  return from + commands.filter(({ instruction }) => hasVertex(instruction)).length;
}

function hasVertex({ kind, name }: Instruction): boolean {
  return kind === "run" || kind === "copy" || name === "WORKDIR";
}

/** The image of a target. A platform that was asked for is what the config says, whatever the base claims. */
export function finishTarget(state: StageState, wanted: Platform | undefined): Omit<TargetPlan, "steps"> {
  const { image } = state;
  if (wanted !== undefined) {
    const same = wanted.os === image.os && wanted.architecture === image.architecture;
    if (wanted.variant !== undefined) image.variant = wanted.variant;
    else if (!same) delete image.variant;
    image.os = wanted.os;
    image.architecture = wanted.architecture;
    if (!same) image.kept = {};
  }
  const platform = normalisePlatform({
    os: image.os,
    architecture: image.architecture,
    ...(image.variant === undefined ? {} : { variant: image.variant }),
  });
  return {
    platform: wanted ?? platform,
    vertex: state.vertex,
    base: state.base,
    config: encodeImage(image),
    baseHistory: state.baseHistory,
    history: state.history,
  };
}
