import { DistributionError, type ErrorCode } from "./error-codes.ts";

/** On every answer. @see OCI distribution-spec "Legacy Docker support HTTP headers" */
const COMMON = { "Docker-Distribution-Api-Version": "registry/2.0", "X-Content-Type-Options": "nosniff" };

export type Headers = Record<string, string>;
export type Body = ConstructorParameters<typeof Response>[0];

export function reply(status: number, headers: Headers = {}, body: Body = null): Response {
  return new Response(body, { status, headers: { ...COMMON, ...headers } });
}

export function replyJson(value: unknown, headers: Headers = {}): Response {
  return reply(200, { "Content-Type": "application/json", ...headers }, JSON.stringify(value));
}

/** A failure in the words of the specification: `{ "errors": [ { code, message, detail } ] }`. */
export function replyError(error: DistributionError): Response {
  const { code, message, detail } = error;
  const body = JSON.stringify({ errors: [{ code, message, ...(detail === undefined ? {} : { detail }) }] });
  return reply(error.status, { "Content-Type": "application/json", ...error.headers }, body);
}

/** What an error of the file system or a bug is called to the outside; its text stays inside. */
export function toDistributionError(error: unknown): DistributionError {
  if (error instanceof DistributionError) return error;
  const codes: Record<string, ErrorCode> = { ENOSPC: "STORAGE_FULL", EDQUOT: "STORAGE_FULL" };
  const code = codes[(error as NodeJS.ErrnoException | undefined)?.code ?? ""] ?? "UNKNOWN";
  return new DistributionError(code, { cause: error });
}

/** Whether the client has these bytes already. @see RFC 9110 section 13.1.2 */
export function isNotModified(request: Request, etag: string): boolean {
  const wanted = request.headers.get("if-none-match");
  if (wanted === null) return false;
  return wanted.split(",").some((item) => item.trim() === "*" || item.trim().replace(/^W\//, "") === etag);
}
