import { EngineError, type ErrorKind } from "../../base/errors.ts";
import { DockerfileError } from "../../formats/dockerfile/dockerfile-error.ts";
import { excerpt } from "../../formats/dockerfile/excerpt.ts";
import type { Location } from "../../formats/dockerfile/instructions.ts";

/** The Dockerfile of a build, as it was read. */
export interface DockerfileText {
  /** Path in its context. */
  name: string;
  text: string;
}

/**
 * What is wrong with a build, and which lines of the Dockerfile are to blame. The message is one line; the one of `showProblem` has
 * the lines below it. The kind is that of the error it began with: a missing image is not-found.
 */
export class DockerfileProblem extends EngineError {
  readonly location: Location;
  constructor(kind: ErrorKind, message: string, location: Location, options?: { cause?: unknown }) {
    super(kind, message, options);
    this.name = "DockerfileProblem";
    this.location = location;
  }
}

/** Gives an error the lines it is about, unless it knows them. Anything but an EngineError is a bug and stays as it is. */
export function blame(error: unknown, location: Location): unknown {
  if (!(error instanceof EngineError) || locationOf(error) !== undefined) return error;
  return new DockerfileProblem(error.kind, error.message, location, { cause: error });
}

/** Runs `work`; what it throws is blamed on `location`. */
export function blaming<T>(location: Location, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw blame(error, location);
  }
}

/** The error as users see it: one line, then the lines of the file. */
export function showProblem(error: unknown, file: DockerfileText): unknown {
  if (!(error instanceof EngineError)) return error;
  const location = locationOf(error);
  if (location === undefined) return error;
  const message = `${error.message}\n${excerpt({ fileName: file.name, source: file.text, locations: [location] })}`;
  return new DockerfileProblem(error.kind, message, location, { cause: error });
}

/** Lines that an error is blamed on. */
export function locationOf(error: EngineError): Location | undefined {
  return error instanceof DockerfileProblem || error instanceof DockerfileError ? error.location : undefined;
}
