/**
 * Every error that this server can answer: code → status and message. The only place where one is chosen.
 * @see OCI distribution-spec "Error Codes"; those below the line are ours, clients take unknown codes as UNKNOWN.
 */
export const ERROR_CODES = {
  BLOB_UNKNOWN: [404, "blob unknown to registry"],
  BLOB_UPLOAD_INVALID: [400, "blob upload invalid"],
  BLOB_UPLOAD_UNKNOWN: [404, "blob upload unknown to registry"],
  DIGEST_INVALID: [400, "provided digest did not match uploaded content"],
  MANIFEST_BLOB_UNKNOWN: [400, "manifest references a manifest or blob unknown to registry"],
  MANIFEST_INVALID: [400, "manifest invalid"],
  MANIFEST_UNKNOWN: [404, "manifest unknown to registry"],
  NAME_INVALID: [400, "invalid repository name"],
  NAME_UNKNOWN: [404, "repository name not known to registry"],
  SIZE_INVALID: [400, "provided length did not match content length"],
  UNAUTHORIZED: [401, "authentication required"],
  DENIED: [403, "requested access to the resource is denied"],
  UNSUPPORTED: [405, "the operation is unsupported"],
  TOOMANYREQUESTS: [429, "too many requests"],
  // ---
  TAG_INVALID: [400, "invalid tag"],
  PAGINATION_NUMBER_INVALID: [400, "invalid number of results requested"],
  MANIFEST_TOO_LARGE: [413, "manifest larger than the limit"],
  RANGE_INVALID: [416, "invalid content range"],
  UPLOAD_STALLED: [408, "the client sent nothing for too long"],
  UPLOAD_BUSY: [409, "another request is writing to this upload"],
  STORAGE_FULL: [507, "no space left on the registry's storage"],
  NOT_FOUND: [404, "no such page"],
  UPSTREAM_UNAVAILABLE: [502, "the upstream registry cannot be reached"],
  UNAVAILABLE: [503, "the registry is busy or stopping"],
  UNKNOWN: [500, "unknown error"],
} as const satisfies Record<string, readonly [status: number, message: string]>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** A refusal as the client sees it. Anything else that is thrown is a bug (UNKNOWN, 500), logged with its stack. */
export class DistributionError extends Error {
  readonly code: ErrorCode;
  /** Goes into the body; data that helps to correct the request. */
  readonly detail: unknown;
  /** More headers of the answer: a challenge, where an upload stands. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ErrorCode,
    options: { detail?: unknown; message?: string; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(options.message ?? ERROR_CODES[code][1], options.cause === undefined ? {} : { cause: options.cause });
    this.name = "DistributionError";
    this.code = code;
    this.detail = options.detail;
    this.headers = options.headers ?? {};
  }

  get status(): number {
    return ERROR_CODES[this.code][0];
  }
}

export function isCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof DistributionError && error.code === code;
}
