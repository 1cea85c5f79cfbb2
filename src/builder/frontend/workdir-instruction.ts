import { belowRoot } from "./context-paths.ts";
import { ownerOf } from "./copy-instruction.ts";
import { addHistory, addVertex, expander, nextStep, type Step } from "./stage-state.ts";
import { shownText } from "./vertex-names.ts";

const DIRECTORY_MODE = 0o755;

/** WORKDIR: joined with the one before, and made if it is not there. */
export function applyWorkdir(step: Step, value: string): void {
  const { planner, stage, command } = step;
  const path = joinWorkingDir(stage.image.workingDir, expander(step).word(value));
  stage.image.workingDir = path;
  if (path === "/") {
    addHistory(stage, `WORKDIR ${path}`);
    return;
  }
  const lookup = (name: string) => stage.environment.get(name);
  const text = shownText(command.instruction.text, lookup, { escape: planner.escape });
  const name = nextStep(planner, stage, { text, isTrigger: command.isTrigger });
  const { user } = stage.image;
  stage.vertex = addVertex(planner, stage, {
    op: {
      kind: "mkdir",
      path,
      mode: DIRECTORY_MODE,
      owner: user === "" ? undefined : ownerOf(user),
      epochSeconds: planner.epochSeconds,
    },
    inputs: [stage.vertex],
    name,
    location: command.instruction.location,
  });
  addHistory(stage, `WORKDIR ${path}`, stage.vertex);
}

export function joinWorkingDir(before: string, path: string): string {
  return path.startsWith("/") ? belowRoot(path) : belowRoot(`${before}/${path}`);
}
