import { absolutePath } from "../../absolute-path.ts";
import type { CliContext } from "../../command.ts";
import type { BuildState } from "../display/build-state.ts";
import { graphSvg } from "./graph-svg.ts";

/** Draws a build that is over, however it ended. `name`: what was built, for the title. */
export async function writeGraph(
  context: Pick<CliContext, "workingDir">,
  path: string,
  { state, name }: { state: BuildState; name: string },
): Promise<void> {
  const vertices = [...state.steps.values()].map(({ vertex }) => vertex);
  const failed = vertices.some(({ Error: error }) => error !== "");
  const title = `Build of ${name}${failed ? ", which failed" : ""}`;
  await Bun.write(absolutePath(context.workingDir, path), graphSvg(vertices, { title, nowMs: Date.now() }));
}
