import { isKind, messageOf } from "../../../base/errors.ts";
import type { ExportResult } from "../../../builder/builder.ts";
import type { WireProgress } from "../../../wire/progress.ts";
import { NumberedError } from "../line-reply.ts";
import type { RunningBuild } from "../running-build.ts";
import { ClassicSteps, shortId } from "./classic-steps.ts";

export interface ClassicOptions {
  removeContainers: boolean;
  tags: string[];
}

/** The messages of a build in Docker's classic protocol. Ended early, it cancels the build. */
export async function* classicMessages(
  build: RunningBuild,
  { removeContainers, tags }: ClassicOptions,
): AsyncGenerator<WireProgress> {
  const steps = new ClassicSteps({ removed: removeContainers });
  try {
    for await (const event of build.events) yield* steps.take(event);
    const result = await build.result.catch((error: unknown) => classicError(error));
    if (result instanceof Error) {
      yield* steps.failed();
      throw result;
    }
    yield* successMessages(result, tags);
  } finally {
    build.cancel();
  }
}

/** docker-py finds the image by the last line but the tags'. */
function successMessages({ imageId }: ExportResult, tags: string[]): WireProgress[] {
  if (imageId === undefined) return [];
  return [
    { aux: { ID: imageId } },
    { stream: `Successfully built ${shortId(imageId)}\n` },
    ...tags.map((tag) => ({ stream: `Successfully tagged ${tag}\n` })),
  ];
}

const FAILED_RUN = /^process ("(?:[^"\\]|\\.)*") did not complete successfully: exit code: (\d+)/m;

/** A failed RUN in the words of the classic builder, with the code that clients exit with. */
function classicError(error: unknown): Error {
  const match =
    isKind(error, "invalid-argument") || isKind(error, "internal") ? FAILED_RUN.exec(messageOf(error)) : null;
  if (match === null) return error instanceof Error ? error : new Error(messageOf(error));
  const code = Number(match[2]);
  return new NumberedError(
    code,
    `The command '${JSON.parse(match[1] ?? '""') as string}' returned a non-zero code: ${code}`,
    { cause: error },
  );
}
