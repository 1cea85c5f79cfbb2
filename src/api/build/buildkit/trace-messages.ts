import type { Clock } from "../../../base/clock.ts";
import { StatusResponse } from "../../../wire/buildkit/control.ts";
import type { WireProgress } from "../../../wire/progress.ts";
import type { RunningBuild } from "../running-build.ts";
import { encodeStatus, outputBytes } from "./encode-status.ts";
import { eventBatches } from "./event-batches.ts";

/**
 * The messages of a build as docker with DOCKER_BUILDKIT=1 reads them: BuildKit's own status messages in base64, then the image.
 * Ended early, it cancels the build.
 */
export async function* traceMessages(build: RunningBuild, clock: Clock): AsyncGenerator<WireProgress> {
  try {
    for await (const events of eventBatches(build.events, outputBytes)) {
      const bytes = StatusResponse.encode(encodeStatus(events, clock.now()));
      // Events that BuildKit has no message for leave nothing.
      if (bytes.byteLength > 0) yield { id: "moby.buildkit.trace", aux: Buffer.from(bytes).toString("base64") };
    }
    const { imageId } = await build.result;
    if (imageId !== undefined) yield { id: "moby.image.id", aux: { ID: imageId } };
  } finally {
    build.cancel();
  }
}
