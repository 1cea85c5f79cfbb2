import { EngineError, type ErrorKind } from "../base/errors.ts";

/** The one place where a class of failure gets its HTTP status. A new kind must be mapped to compile. */
const STATUS = {
  "invalid-argument": 400,
  unauthorized: 401,
  forbidden: 403,
  "not-found": 404,
  conflict: 409,
  internal: 500,
  "not-implemented": 501,
  unavailable: 503,
} satisfies Record<ErrorKind, number>;

/** Status for anything that was thrown; what is no EngineError is a bug of ours: 500. */
export function httpStatus(error: unknown): number {
  return error instanceof EngineError ? STATUS[error.kind] : 500;
}
