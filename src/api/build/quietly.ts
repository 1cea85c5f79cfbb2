import type { WireProgress } from "../../wire/progress.ts";
import type { RunningBuild } from "./running-build.ts";

/** Messages that a quiet build keeps for the case that it fails; of more the beginning is left out. */
const MAX_KEPT = 10_000;

/** Docker's `-q`, of both protocols: the image's ID is all that is said, unless the build fails; then everything is. */
export async function* quietly(
  messages: AsyncGenerator<WireProgress>,
  build: Pick<RunningBuild, "result">,
): AsyncGenerator<WireProgress> {
  const kept: WireProgress[] = [];
  try {
    for await (const message of messages) {
      kept.push(message);
      if (kept.length > MAX_KEPT) kept.shift();
    }
  } catch (error) {
    yield* kept;
    throw error;
  }
  const { imageId } = await build.result;
  if (imageId !== undefined) yield { stream: `${imageId}\n` };
}
