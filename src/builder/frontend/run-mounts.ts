import { posix } from "node:path";
import { cleanPath } from "../../base/clean-path.ts";
import { invalid } from "../../base/errors.ts";
import type { RunInstruction, RunMount } from "../../formats/dockerfile/instructions.ts";
import { parseRunMount } from "../../formats/dockerfile/run-mount.ts";
import type { RunOpMount, VertexIndex } from "../graph.ts";
import { belowRoot } from "./context-paths.ts";
import { expander, type Step } from "./stage-state.ts";

const SECRETS = "/run/secrets/";
const AGENT_SOCKET = "/run/buildkit/ssh_agent.";

export interface PlannedMounts {
  mounts: RunOpMount[];
  /** Inputs of the vertex behind its root. */
  inputs: VertexIndex[];
  /** Where the first ssh agent is; undefined: none. */
  agentSocket: string | undefined;
  /** Variables that hold secrets: never shown. */
  secretVariables: string[];
}

/**
 * `--mount` of a RUN: variables replaced, targets absolute, defaults filled in. Where the files come from is in the inputs, so `from`
 * of every mount is "": a stage that gets another name changes nothing.
 * @see BuildKit frontend/dockerfile/dockerfile2llb/convert_runmount.go
 */
export function planMounts(step: Step, { mounts }: RunInstruction): PlannedMounts {
  const planned: PlannedMounts = { mounts: [], inputs: [], agentSocket: undefined, secretVariables: [] };
  const { word } = expander(step);
  let agents = 0;
  mounts.forEach(({ written }, index) => {
    const given = parseRunMount(written, word);
    const mount = withDefaults(given, { workingDir: step.stage.image.workingDir, agents });
    if (mount.type === "ssh") {
      agents++;
      planned.agentSocket ??= mount.target;
    }
    if (mount.type === "secret" || mount.type === "ssh") noteNeed(step, mount.type, mount);
    if (mount.type === "secret" && mount.env !== undefined) planned.secretVariables.push(mount.env);
    const vertex = sourceOf(step, { given, mount, index });
    planned.mounts.push({ mount, input: vertex === undefined ? undefined : planned.inputs.push(vertex) });
  });
  return planned;
}

/** The first one to ask counts. */
function noteNeed({ stage, command }: Step, kind: "secret" | "ssh", { id, required }: RunMount): void {
  if (stage.needs.some((need) => need.kind === kind && need.id === id)) return;
  stage.needs.push({ kind, id, required, location: command.instruction.location });
}

function withDefaults(given: RunMount, { workingDir, agents }: { workingDir: string; agents: number }): RunMount {
  const mount: RunMount = { ...given, from: "" };
  const target = given.target === "" ? "" : absolute(given.target, workingDir);
  switch (given.type) {
    case "secret": {
      const id = given.id || given.source || posix.basename(given.target);
      const file = given.env === undefined ? SECRETS + posix.basename(id) : "";
      return { ...mount, id, source: "", target: target || file };
    }
    case "ssh":
      return { ...mount, id: given.id || "default", target: target || `${AGENT_SOCKET}${agents}` };
    case "cache":
      return {
        ...mount,
        id: given.id || cleanPath(given.target),
        source: sourceIn(given),
        target: required(target),
      };
    case "bind":
      return { ...mount, source: sourceIn(given), target: required(target) };
    case "tmpfs":
      return { ...mount, source: "", target: required(target) };
  }
}

function absolute(target: string, workingDir: string): string {
  return target.startsWith("/") ? belowRoot(target) : belowRoot(posix.join(workingDir || "/", target));
}

/** Nothing is mounted over the whole root. */
function required(target: string): string {
  if (target === "" || target === "/") throw invalid(`invalid mount target ${JSON.stringify(target)}`);
  return target;
}

function sourceIn({ source }: RunMount): string {
  return belowRoot(source);
}

/** Of a bind mount the build context where no `from` is given; a cache without one starts empty. */
function sourceOf(
  { planner, command }: Step,
  { given, mount, index }: { given: RunMount; mount: RunMount; index: number },
): VertexIndex | undefined {
  if (mount.type !== "bind" && mount.type !== "cache") return undefined;
  const from = command.sources[index];
  if (from === undefined) return mount.type === "bind" ? planner.graph.context("context", mount.source) : undefined;
  const [name, target] = [given.from, given.target].map((text) => JSON.stringify(text));
  const problem = `cannot mount from stage ${name} to ${target}, stage needs to be defined before current command`;
  return planner.sourceVertex(from, mount.source, problem);
}
