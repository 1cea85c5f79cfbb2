import { EngineError, messageOf } from "../../base/errors.ts";

/** No answer was had from a server: it may be asked again, and another one may be asked instead. */
export class ConnectionError extends EngineError {
  constructor(request: { method: string; url: string }, reason: string, cause?: unknown) {
    super("unavailable", `${titleCase(request.method)} ${JSON.stringify(redactUrl(request.url))}: ${reason}`, {
      cause,
    });
  }
}

/** Go's words for what Bun's error codes mean, since people search for those. */
const REASONS: Record<string, string> = {
  EPROTO: "http: server gave HTTP response to HTTPS client",
  ECONNREFUSED: "connect: connection refused",
  ConnectionRefused: "connect: connection refused",
  ECONNRESET: "read: connection reset by peer",
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
export function connectionError(request: { method: string; url: string }, error: unknown): ConnectionError {
  const code = (error as { code?: unknown }).code;
  const key = typeof code === "string" ? code : "";
  if (key === "ENOTFOUND" || key === "EAI_AGAIN") {
    return new ConnectionError(request, `dial tcp: lookup ${new URL(request.url).hostname}: no such host`, error);
  }
  return new ConnectionError(request, REASONS[key] ?? messageOf(error), error);
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
