export interface BearerChallenge {
  realm: string;
  service: string;
  scope: string;
}

/** The Bearer challenge of a `WWW-Authenticate` header, or undefined: the browser answers Basic by itself. @see RFC 6750 §3 */
export function bearerChallenge(header: string | null): BearerChallenge | undefined {
  const start = /(^|,\s*)bearer\s+/i.exec(header ?? "");
  if (header === null || start === null) return undefined;
  const parameters = new Map<string, string>();
  const rest = header.slice(start.index + start[0].length);
  for (const [, name = "", quoted, bare] of rest.matchAll(/([a-z_]+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))/gi)) {
    if (!parameters.has(name.toLowerCase())) parameters.set(name.toLowerCase(), quoted ?? bare ?? "");
  }
  const realm = parameters.get("realm");
  if (realm === undefined || realm === "") return undefined;
  return { realm, service: parameters.get("service") ?? "", scope: parameters.get("scope") ?? "" };
}

/** Where a token for the challenge comes from, or undefined where the realm is no address of the web. */
export function tokenAddress({ realm, service, scope }: BearerChallenge, base: string): URL | undefined {
  if (!URL.canParse(realm, base)) return undefined;
  const url = new URL(realm, base);
  if (url.protocol !== "http:" && url.protocol !== "https:") return undefined;
  if (service !== "") url.searchParams.set("service", service);
  for (const part of scope.split(" ")) if (part !== "") url.searchParams.append("scope", part);
  return url;
}
