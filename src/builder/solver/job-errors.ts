import { EngineError, type ErrorKind, messageOf } from "../../base/errors.ts";
import { excerpt } from "../../formats/dockerfile/excerpt.ts";
import { BuildError } from "../build-error.ts";
import type { DockerfileText } from "../frontend/dockerfile-problem.ts";
import { VertexError } from "./solve-graph.ts";

/** What a vertex has thrown, in the words that the user sees: below it the lines of the Dockerfile. Others stay as they are. */
export function buildError(error: unknown, dockerfile: DockerfileText | undefined): unknown {
  if (!(error instanceof VertexError)) return error;
  const { vertex, digest, cause } = error;
  const { location } = vertex;
  const source = location === undefined || dockerfile === undefined ? undefined : { ...dockerfile, location };
  return new BuildError(kindOf(cause), {
    reason: messageOf(cause),
    excerpt:
      source === undefined ? "" : excerpt({ fileName: source.name, source: source.text, locations: [source.location] }),
    step: { name: vertex.name, digest },
    source,
    cause,
  });
}

/** A bug, or a failure of the system, is no fault of the Dockerfile. */
function kindOf(cause: unknown): ErrorKind {
  return cause instanceof EngineError ? cause.kind : "internal";
}
