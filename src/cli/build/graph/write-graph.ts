import { absolutePath } from "../../absolute-path.ts";
import type { CliContext } from "../../command.ts";
import type { BuildState } from "../display/build-state.ts";
import { graphSvg } from "./graph-svg.ts";

/** Draws a build that is over, however it ended. */
export async function writeGraph(
  context: Pick<CliContext, "workingDir">,
  path: string,
  state: BuildState,
): Promise<void> {
  const vertices = [...state.steps.values()].map(({ vertex }) => vertex);
  const failed = vertices.some(({ Error: error }) => error !== "");
  const svg = graphSvg(vertices, { title: failed ? "A build that failed" : "Build", nowMs: Date.now() });
  await Bun.write(absolutePath(context.workingDir, path), svg);
}
