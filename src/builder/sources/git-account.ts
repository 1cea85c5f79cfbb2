/**
 * A remote without the account that an http URL has before its host, and the setting of git that says the same: a program's arguments
 * are for every user of the host to read, and the address of a remote is written into `.git/config`, which may become part of an
 * image. Others than http have no password there.
 */
export function accountApart(remote: string): { remote: string; settings: [string, string][] } {
  const url = /^https?:\/\//.test(remote) && URL.canParse(remote) ? new URL(remote) : undefined;
  if (url === undefined || (url.username === "" && url.password === "")) return { remote, settings: [] };
  const account = `${decoded(url.username)}:${decoded(url.password)}`;
  url.username = "";
  url.password = "";
  const value = `Authorization: Basic ${Buffer.from(account).toString("base64")}`;
  return { remote: url.href, settings: [[`http.${url.origin}/.extraheader`, value]] };
}

/** A lone `%` stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The server of a remote as a URL, also where it is written as ssh does (`user@host:path`). undefined: it says none. */
export function serverOf(remote: string): URL | undefined {
  if (URL.canParse(remote)) return new URL(remote);
  const host = /^[^@/]*@(\[[^\]]*\]|[^:/]+)/.exec(remote)?.[1];
  return host !== undefined && URL.canParse(`ssh://${host}/`) ? new URL(`ssh://${host}/`) : undefined;
}
