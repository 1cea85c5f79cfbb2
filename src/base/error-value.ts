import { EngineError, type ErrorKind, messageOf } from "./errors.ts";

/** An error as data, for messages between threads: what survives is what callers act upon. */
export interface ErrorValue {
  /** Undefined: a bug, or a failure of the system. */
  kind: ErrorKind | undefined;
  message: string;
}

export function errorToValue(error: unknown): ErrorValue {
  return { kind: error instanceof EngineError ? error.kind : undefined, message: messageOf(error) };
}

export function errorFromValue({ kind, message }: ErrorValue): Error {
  return kind === undefined ? new Error(message) : new EngineError(kind, message);
}
