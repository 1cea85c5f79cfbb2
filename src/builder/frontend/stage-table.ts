import { invalid, messageOf } from "../../base/errors.ts";
import { DockerfileError } from "../../formats/dockerfile/dockerfile-error.ts";
import { expandWord } from "../../formats/dockerfile/expand.ts";
import type { Dockerfile, Instruction, Location, Stage } from "../../formats/dockerfile/instructions.ts";
import { withSuggestion } from "../../formats/dockerfile/suggest.ts";
import { type Platform, parsePlatformSpecifier } from "../../formats/oci/platform.ts";
import { blaming } from "./dockerfile-problem.ts";
import type { Environment } from "./environment.ts";
import { mountOrigin } from "./mount-origin.ts";
import type { NamedContexts } from "./named-contexts.ts";
import type { Command, StageNode } from "./stage-node.ts";

/** Stages of the file in their order, then the images and contexts that instructions name. */
export interface StageTable {
  nodes: StageNode[];
  /** By name in lower case; of two with one name the later. */
  named: Map<string, StageNode>;
}

/**
 * The stages of a file for one platform and who needs whom. Throws invalid-argument, blamed on the line, for a FROM that names
 * nothing, a `--from` that cannot be, and stages that need each other.
 * @see BuildKit frontend/dockerfile/dockerfile2llb/convert.go `buildDispatchStates`
 */
export function createStageTable(
  dockerfile: Dockerfile,
  { globals, target, contexts }: { globals: Environment; target: Platform; contexts: NamedContexts },
): StageTable {
  const table: StageTable = { nodes: [], named: new Map() };
  const expand = (word: string) =>
    expandWord(word, (name) => globals.get(name), { escape: dockerfile.directives.escape });
  for (const stage of dockerfile.stages) {
    const node = blaming(stage.from.location, () => stageNode(stage, expand));
    node.replacedBy = node.name === "" ? undefined : contexts.find(node.name, node.platform ?? target)?.name;
    if (node.replacedBy === undefined) node.base = table.named.get(node.baseName.toLowerCase());
    addNode(table, node);
  }
  for (const node of table.nodes.slice()) {
    addCommands(table, node, node.stage?.instructions ?? [], false);
  }
  refuseCircles(table.nodes);
  if (table.nodes.length === 1) (table.nodes[0] as StageNode).label = "";
  return table;
}

function stageNode(stage: Stage, expand: (word: string) => string): StageNode {
  const { base, stageName, platform, location } = stage.from;
  const baseName = expand(base);
  if (baseName === "") throw new DockerfileError(`base name (${base}) should not be blank`);
  return {
    ...plainNode(baseName, location),
    stage,
    name: stageName ?? "",
    label: stageName ?? `stage-${stage.index}`,
    platform: platform === undefined ? undefined : stagePlatform(platform, expand),
  };
}

function stagePlatform(written: string, expand: (word: string) => string): Platform {
  const text = expand(written);
  if (text === "") throw new DockerfileError(`empty platform value from expression ${written}`);
  try {
    return parsePlatformSpecifier(text);
  } catch (error) {
    throw invalid(`failed to parse platform ${written}: ${messageOf(error)}`, { cause: error });
  }
}

function plainNode(baseName: string, location: Location): StageNode {
  return {
    stage: undefined,
    location,
    name: "",
    label: "",
    baseName,
    platform: undefined,
    base: undefined,
    replacedBy: undefined,
    commands: [],
    dependencies: new Map(),
    root: undefined,
    triggered: false,
  };
}

function addNode(table: StageTable, node: StageNode): void {
  table.nodes.push(node);
  if (node.name !== "") table.named.set(node.name, node);
}

/** Puts instructions behind those of the node (`first`: in front of them). True: something else is needed now. */
export function addCommands(table: StageTable, node: StageNode, instructions: Instruction[], first: boolean): boolean {
  const commands = instructions.map((instruction) =>
    blaming(instruction.location, (): Command => {
      const sources = sourcesOf(table, instruction);
      for (const source of sources) {
        if (source !== undefined && !node.dependencies.has(source)) node.dependencies.set(source, instruction.location);
      }
      return { instruction, sources, isTrigger: first };
    }),
  );
  node.commands = first ? [...commands, ...node.commands] : [...node.commands, ...commands];
  return commands.some(({ sources }) => sources.some((source) => source !== undefined));
}

function sourcesOf(table: StageTable, instruction: Instruction): Command["sources"] {
  if (instruction.kind === "copy") {
    const { from, location } = instruction;
    if (from === undefined || from === "") return [];
    if (expandWord(from, () => undefined) !== from) {
      throw new DockerfileError(
        "variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround",
      );
    }
    return [sourceNode(table, from, location)];
  }
  if (instruction.kind !== "run") return [];
  return instruction.mounts.map(({ written }) => {
    const from = mountOrigin(written);
    return from === undefined ? undefined : sourceNode(table, from, instruction.location);
  });
}

/** A stage by number or name; else an image or context. */
function sourceNode(table: StageTable, from: string, location: Location): StageNode {
  if (/^[+-]?\d+$/.test(from)) {
    const node = table.nodes[Number(from)];
    if (node?.stage === undefined) throw new DockerfileError(`invalid stage index ${Number(from)}`);
    return node;
  }
  const known = table.named.get(from.toLowerCase());
  if (known !== undefined) return known;
  const named = table.nodes.find((node) => node.stage === undefined && node.baseName === from);
  if (named !== undefined) return named;
  const node = plainNode(from, location);
  addNode(table, node);
  return node;
}

function refuseCircles(nodes: readonly StageNode[]): void {
  const done = new Set<StageNode>();
  const path: StageNode[] = [];
  const visit = (node: StageNode): void => {
    if (done.has(node)) return;
    path.push(node);
    for (const [needed, location] of node.dependencies) {
      if (path.includes(needed)) {
        throw new DockerfileError(`circular dependency detected on stage: ${(path[0] as StageNode).label}`, location);
      }
      visit(needed);
    }
    if (node.base !== undefined) visit(node.base);
    path.pop();
    done.add(node);
  };
  for (const node of nodes) visit(node);
}

/** `--target`: a stage's name or number; "": the last one. */
export function findTarget({ nodes, named }: StageTable, target: string): StageNode {
  const stages = nodes.filter((node) => node.stage !== undefined);
  const found = target === "" ? stages.at(-1) : (named.get(target.toLowerCase()) ?? stages[stageNumber(target)]);
  if (found !== undefined) return found;
  const names = stages.map(({ name, label }) => name || label).filter((name) => name !== "");
  throw invalid(withSuggestion(`target stage ${JSON.stringify(target)} could not be found`, target, names));
}

function stageNumber(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : -1;
}

/** The stages that have to be looked at for `targets`, themselves included. */
export function reachableFrom(targets: readonly StageNode[]): Set<StageNode> {
  const reached = new Set(targets);
  for (const node of reached) {
    if (node.base !== undefined) reached.add(node.base);
    // Of a stage that a context stands in for nothing is carried out.
    if (node.replacedBy === undefined) for (const needed of node.dependencies.keys()) reached.add(needed);
  }
  return reached;
}
