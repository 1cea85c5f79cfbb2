import { EngineError } from "../../base/errors.ts";
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
 * What is wrong with a build, and which lines of the Dockerfile are to blame. Where `source` is there, the message has those lines below
 * its first one, which is `reason`. The kind is that of the error it began with: a missing image is not-found.
 */
export class DockerfileProblem extends EngineError {
  /** One line, without the excerpt. */
  readonly reason: string;
  readonly location: Location;
  readonly source: DockerfileText | undefined;

  constructor(error: EngineError, location: Location, source?: DockerfileText) {
    const lines = source === undefined ? "" : `\n${excerptOf(source, location)}`;
    super(error.kind, error.message + lines, { cause: error });
    this.name = "DockerfileProblem";
    this.reason = error.message;
    this.location = location;
    this.source = source;
  }
}

function excerptOf({ name, text }: DockerfileText, location: Location): string {
  return excerpt({ fileName: name, source: text, locations: [location] });
}

/** Gives an error the lines it is about, unless it knows them. Anything but an EngineError is a bug and stays as it is. */
export function blame(error: unknown, location: Location): unknown {
  if (!(error instanceof EngineError) || locationOf(error) !== undefined) return error;
  return new DockerfileProblem(error, location);
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
  return location === undefined ? error : new DockerfileProblem(error, location, file);
}

/** Lines that an error is blamed on. */
export function locationOf(error: EngineError): Location | undefined {
  return error instanceof DockerfileProblem || error instanceof DockerfileError ? error.location : undefined;
}
