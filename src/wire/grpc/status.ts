import { EngineError, type ErrorKind, messageOf } from "../../base/errors.ts";

/** @see https://github.com/grpc/grpc/blob/master/doc/statuscodes.md */
export const GRPC = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

const BY_KIND = {
  "invalid-argument": GRPC.invalidArgument,
  unauthorized: GRPC.unauthenticated,
  forbidden: GRPC.permissionDenied,
  "not-found": GRPC.notFound,
  conflict: GRPC.alreadyExists,
  "not-implemented": GRPC.unimplemented,
  unavailable: GRPC.unavailable,
  internal: GRPC.unknown,
} satisfies Record<ErrorKind, number>;

const BY_CODE: Record<number, ErrorKind> = {
  [GRPC.cancelled]: "unavailable",
  [GRPC.invalidArgument]: "invalid-argument",
  [GRPC.deadlineExceeded]: "unavailable",
  [GRPC.notFound]: "not-found",
  [GRPC.alreadyExists]: "conflict",
  [GRPC.permissionDenied]: "forbidden",
  [GRPC.failedPrecondition]: "invalid-argument",
  [GRPC.outOfRange]: "invalid-argument",
  [GRPC.unimplemented]: "not-implemented",
  [GRPC.unavailable]: "unavailable",
  [GRPC.unauthenticated]: "unauthorized",
};

/** How an error travels. What is no EngineError is a bug of ours: unknown. */
export function grpcStatus(error: unknown): { code: number; message: string } {
  return { code: error instanceof EngineError ? BY_KIND[error.kind] : GRPC.unknown, message: messageOf(error) };
}

/** The error that a peer has told. */
export function errorOfStatus(code: number, message: string): EngineError {
  return new EngineError(BY_CODE[code] ?? "internal", message === "" ? `gRPC status ${code}` : message);
}

/** `grpc-message` is percent-encoded UTF-8; a header holds printable ASCII only. */
export function encodeStatusMessage(text: string): string {
  const bytes = new TextEncoder().encode(text);
  let encoded = "";
  for (const byte of bytes) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

/** What cannot be decoded stays as it is, as gRPC asks for. */
export function decodeStatusMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const TIMEOUT_UNITS_MS: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** `grpc-timeout`: up to eight digits and a unit. In milliseconds; undefined where there is none or it is no such text. */
export function parseTimeoutMs(text: string | undefined): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text ?? "");
  if (match === null) return undefined;
  return Math.ceil(Number(match[1]) * (TIMEOUT_UNITS_MS[match[2] ?? ""] ?? 0));
}
