import { EngineError } from "../../base/errors.ts";
import type { Location } from "./instructions.ts";

/** A Dockerfile that cannot be read. `location` tells which lines are to blame; undefined: the file as a whole. */
export class DockerfileError extends EngineError {
  readonly location: Location | undefined;
  constructor(message: string, location?: Location, options?: { cause?: unknown }) {
    super("invalid-argument", message, options);
    this.name = "DockerfileError";
    this.location = location;
  }
}

/** What is wrong with the form of a line, before it is asked what it means. BuildKit tells those without the line's number. */
export class DockerfileSyntaxError extends DockerfileError {}

/** `error` with the lines it is about, unless it knows them already. */
export function withLocation(error: unknown, location: Location): unknown {
  if (!(error instanceof DockerfileError) || error.location !== undefined) return error;
  const Same = error instanceof DockerfileSyntaxError ? DockerfileSyntaxError : DockerfileError;
  return new Same(error.message, location, { cause: error });
}
