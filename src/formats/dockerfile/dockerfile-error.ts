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

/** `error` with the lines it is about, unless it knows them already. */
export function withLocation(error: unknown, location: Location): unknown {
  if (!(error instanceof DockerfileError) || error.location !== undefined) return error;
  return new DockerfileError(error.message, location, { cause: error });
}
