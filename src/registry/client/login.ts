import { EngineError } from "../../base/errors.ts";
import { parseChallenges } from "./challenge.ts";
import type { Credentials } from "./credentials.ts";
import type { Endpoint } from "./endpoint.ts";
import { discard, exchange } from "./http.ts";
import type { Connection } from "./repository.ts";
import { ask, type SessionDeps } from "./session.ts";

interface LoginRequest {
  domain: string;
  credentials: Credentials;
  signal: AbortSignal;
}

/**
 * Shows the credentials to the registry's base address. The identity token that its token server gives, or "". Throws
 * unauthorized where they do not serve. @see distribution-spec "Determining Support"
 */
export function login({ deps, servers }: Connection, { domain, credentials, signal }: LoginRequest): Promise<string> {
  return servers.try(domain, { capability: "push" }, async (endpoint) => {
    const challenges = await challengesOf(deps, endpoint, signal);
    const request = { endpoint, challenges, scope: "", credentials, signal };
    const token = challenges.length === 0 ? "" : await deps.authorizer.identityToken(request);
    try {
      await discard(await ask(deps, endpoint, { method: "GET", path: "/", scope: "", credentials, signal }));
    } catch (error) {
      const { status } = error as { status?: unknown };
      if (status !== 401) throw error;
      const url = `${endpoint.base}/`;
      throw new EngineError(
        "unauthorized",
        `login attempt to ${url} failed with status: 401 Unauthorized: check the user name and password`,
        { cause: error },
      );
    }
    return token;
  });
}

async function challengesOf({ userAgent, timeouts }: SessionDeps, endpoint: Endpoint, signal: AbortSignal) {
  const url = `${endpoint.base}/`;
  const headers = { "User-Agent": userAgent, ...endpoint.headers };
  const response = await exchange({ method: "GET", url, headers, tls: endpoint.tls, timeouts, signal });
  await discard(response);
  return response.status === 401 ? parseChallenges(response.headers.get("www-authenticate") ?? "") : [];
}
