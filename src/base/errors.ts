/** The classes of failure a caller may act upon; each has exactly one HTTP status (`api/http-status.ts`). */
export type ErrorKind =
  | "invalid-argument"
  | "unauthorized"
  | "forbidden"
  | "not-found"
  | "conflict"
  | "not-implemented"
  | "unavailable"
  | "internal";

/** An error whose class the caller may act upon. Anything else that is thrown is a bug (HTTP 500). */
export class EngineError extends Error {
  readonly kind: ErrorKind;
  constructor(kind: ErrorKind, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "EngineError";
    this.kind = kind;
  }
}

/** Docker's own words: clients match `No such container: x`. */
export function notFound(noun: string, reference: string): EngineError {
  return new EngineError("not-found", `No such ${noun}: ${reference}`);
}

export function invalid(message: string, options?: { cause?: unknown }): EngineError {
  return new EngineError("invalid-argument", message, options);
}

export function conflict(message: string, options?: { cause?: unknown }): EngineError {
  return new EngineError("conflict", message, options);
}

export function isKind(error: unknown, kind: ErrorKind): error is EngineError {
  return error instanceof EngineError && error.kind === kind;
}

/** The text of anything that was thrown, for a log line or a wrapping message. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
