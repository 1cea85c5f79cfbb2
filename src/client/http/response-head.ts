/** Status line and headers of an HTTP/1.1 answer; header names in lower case, repeated ones joined by `, `. */
export interface ResponseHead {
  status: number;
  headers: Map<string, string>;
}

/** How the end of a body is told (RFC 9112 §6.3). */
export type BodyFraming =
  | { kind: "none" }
  | { kind: "length"; bytes: number }
  | { kind: "chunked" }
  | { kind: "close" };

/** Longest head that is read; a daemon's own heads are a few hundred bytes. */
export const MAX_HEAD_BYTES = 64 * 1024;

/** Parses the text before the empty line. Throws Error when it is not HTTP. */
export function parseResponseHead(text: string): ResponseHead {
  const lines = text.split("\r\n");
  const match = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(lines[0] ?? "");
  if (match === null) throw new Error(`malformed HTTP response ${JSON.stringify((lines[0] ?? "").slice(0, 60))}`);
  const headers = new Map<string, string>();
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(":");
    if (colon <= 0) throw new Error("malformed HTTP header line");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return { status: Number(match[1]), headers };
}

export function bodyFraming(method: string, head: ResponseHead): BodyFraming {
  if (method === "HEAD" || head.status < 200 || head.status === 204 || head.status === 304) return { kind: "none" };
  if ((head.headers.get("transfer-encoding") ?? "").toLowerCase().endsWith("chunked")) return { kind: "chunked" };
  const length = head.headers.get("content-length");
  if (length === undefined) return { kind: "close" };
  if (!/^\d{1,15}$/.test(length)) throw new Error(`malformed Content-Length ${JSON.stringify(length)}`);
  return Number(length) === 0 ? { kind: "none" } : { kind: "length", bytes: Number(length) };
}
