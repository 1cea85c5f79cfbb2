import { EngineError, messageOf } from "../../base/errors.ts";

/** No answer was had from a server: it may be asked again, and another one may be asked instead. */
export class ConnectionError extends EngineError {
  constructor(request: RequestName, reason: string, cause?: unknown) {
    super("unavailable", `${describeRequest(request)}: ${reason}`, { cause });
  }

  /** The server was there, and the connection to it broke: likely to pass. */
  get isBroken(): boolean {
    return BROKEN.has(codeOf(this.cause));
  }
}

export interface RequestName {
  method: string;
  url: string;
}

/** `Get "https://…"`: a request in a message. */
export function describeRequest({ method, url }: RequestName): string {
  return `${titleCase(method)} ${JSON.stringify(redactUrl(url))}`;
}

const BROKEN = new Set(["ECONNRESET", "ConnectionClosed", "EPIPE"]);

/** Go's words for what Bun's error codes mean, since people search for those. */
const REASONS: Record<string, string> = {
  EPROTO: "http: server gave HTTP response to HTTPS client",
  ECONNREFUSED: "connect: connection refused",
  ConnectionRefused: "connect: connection refused",
  ECONNRESET: "read: connection reset by peer",
  EPIPE: "write: broken pipe",
  ResponseHeadersTooLarge: "net/http: server response headers exceeded the limit",
  Malformed_HTTP_Response: "net/http: malformed HTTP response",
  ConnectionClosed: "EOF",
  ETIMEDOUT: "i/o timeout",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "tls: failed to verify certificate: x509: certificate signed by unknown authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "tls: failed to verify certificate: x509: certificate signed by unknown authority",
  SELF_SIGNED_CERT_IN_CHAIN: "tls: failed to verify certificate: x509: certificate signed by unknown authority",
  DEPTH_ZERO_SELF_SIGNED_CERT: "tls: failed to verify certificate: x509: certificate signed by unknown authority",
  CERT_HAS_EXPIRED: "tls: failed to verify certificate: x509: certificate has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "tls: failed to verify certificate: x509: certificate is not valid for this host",
};

/** What `fetch` threw, as a ConnectionError. */
export function connectionError(request: RequestName, error: unknown): ConnectionError {
  const key = codeOf(error);
  if (key === "ENOTFOUND" || key === "EAI_AGAIN") {
    return new ConnectionError(request, `dial tcp: lookup ${new URL(request.url).hostname}: no such host`, error);
  }
  return new ConnectionError(request, REASONS[key] ?? messageOf(error).replace(RUNTIME_HINT, ""), error);
}

/** What Bun adds for those who write programs. */
const RUNTIME_HINT = /\.? ?For more information, pass `verbose: true`.*$/s;

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : "";
}

/** A URL fit for a message: the query of a redirect may hold signatures. */
function redactUrl(text: string): string {
  const url = new URL(text);
  url.username = "";
  url.password = "";
  for (const name of Array.from(url.searchParams.keys())) {
    if (!PLAIN_PARAMETERS.has(name)) url.searchParams.set(name, "REDACTED");
  }
  return url.href;
}

const PLAIN_PARAMETERS = new Set(["n", "last", "q", "scope", "service", "account", "digest", "mount", "from"]);

function titleCase(method: string): string {
  return method.charAt(0) + method.slice(1).toLowerCase();
}
