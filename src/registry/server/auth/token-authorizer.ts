import type { Clock } from "../../../base/clock.ts";
import { DistributionError } from "../http/error-codes.ts";
import { type Access, type Authorizer, formatScopes, type Identity } from "./access.ts";
import { bearerToken } from "./basic-credentials.ts";
import type { Claims } from "./web-token.ts";

export interface TokenOptions {
  /** Where a client gets a token for a request: the address of the service. */
  realm(request: Request): string;
  service: string;
  /** The claims of a token that is genuine and valid now. */
  claimsOf(token: string, now: Date): Claims | undefined;
}

/** Believes what the token says that the bearer may do. @see distribution "Token Authentication Specification" */
export function createTokenAuthorizer(options: TokenOptions, clock: Clock): Authorizer {
  const challenge = (request: Request, needed: readonly Access[], error?: string) => {
    const scope = formatScopes(needed);
    const parts = [`realm=${quoted(options.realm(request))}`, `service=${quoted(options.service)}`];
    if (scope !== "") parts.push(`scope=${quoted(scope)}`);
    if (error !== undefined) parts.push(`error=${quoted(error)}`);
    return new DistributionError("UNAUTHORIZED", {
      detail: needed.map(({ type, name, action }) => ({ Type: type, Name: name, Action: action })),
      headers: { "WWW-Authenticate": `Bearer ${parts.join(",")}` },
    });
  };
  return {
    authorize(request, needed): Identity {
      const token = bearerToken(request);
      if (token === undefined) throw challenge(request, needed);
      const claims = options.claimsOf(token, clock.now());
      if (claims === undefined) throw challenge(request, needed, "invalid_token");
      // A client whose token is good but too narrow asks the service for a wider one.
      if (!needed.every((access) => grants(claims.access, access)))
        throw challenge(request, needed, "insufficient_scope");
      return { user: typeof claims.sub === "string" ? claims.sub : "" };
    },
  };
}

function grants(access: unknown, needed: Access): boolean {
  if (!Array.isArray(access)) return false;
  return access.some((entry: { type?: unknown; name?: unknown; actions?: unknown } | null) => {
    if (entry?.type !== needed.type || entry.name !== needed.name || !Array.isArray(entry.actions)) return false;
    return entry.actions.includes(needed.action) || entry.actions.includes("*");
  });
}

function quoted(text: string): string {
  return `"${text.replace(/["\\\r\n]/g, "")}"`;
}
