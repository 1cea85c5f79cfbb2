import type { BuildSession } from "../session.ts";

/**
 * Value of `Authorization` for an http source, as the client's secrets say: `HTTP_AUTH_HEADER_<host>`, or a token in
 * `HTTP_AUTH_TOKEN_<host>`. An account in the URL itself counts where there is none. @see BuildKit source/http
 */
export async function httpAuthorization(
  url: URL,
  session: BuildSession | undefined,
  signal: AbortSignal,
): Promise<string> {
  const decoder = new TextDecoder();
  const header = await session?.secret(`HTTP_AUTH_HEADER_${url.host}`, signal);
  if (header !== undefined) return decoder.decode(header).trim();
  const token = await session?.secret(`HTTP_AUTH_TOKEN_${url.host}`, signal);
  if (token !== undefined) return `Bearer ${decoder.decode(token).trim()}`;
  if (url.username === "") return "";
  const account = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return `Basic ${Buffer.from(account).toString("base64")}`;
}
