import { EngineError, type ErrorKind } from "../base/errors.ts";
import type { Location } from "../formats/dockerfile/instructions.ts";

/**
 * A step of a build has failed. The message is what people see: `reason`, and below it the lines of the Dockerfile, marked. `cause` is what the
 * step itself has thrown: of a command that ended badly RunFailedError, with its exit code and last output.
 */
export class BuildError extends EngineError {
  /** One sentence, without the excerpt: BuildKit's words. */
  readonly reason: string;
  /** Of the vertex: `[build 2/5] RUN make`, and its name in events. */
  readonly step: { name: string; digest: string };
  /** The Dockerfile and the lines in question; undefined: the step is in none. */
  readonly source: { name: string; text: string; location: Location } | undefined;

  constructor(
    kind: ErrorKind,
    failure: {
      reason: string;
      excerpt: string;
      step: BuildError["step"];
      source: BuildError["source"];
      cause: unknown;
    },
  ) {
    super(kind, failure.excerpt === "" ? failure.reason : `${failure.reason}\n${failure.excerpt}`, {
      cause: failure.cause,
    });
    this.name = "BuildError";
    this.reason = failure.reason;
    this.step = failure.step;
    this.source = failure.source;
  }
}
