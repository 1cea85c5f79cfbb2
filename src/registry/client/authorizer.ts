import { createHash } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import { EngineError } from "../../base/errors.ts";
import { isObject } from "../../formats/oci/json.ts";
import type { Challenge } from "./challenge.ts";
import { basicAuthorization, type Credentials } from "./credentials.ts";
import { type Endpoint, tlsElsewhere } from "./endpoint.ts";
import { exchange, readBody } from "./http.ts";
import { MAX_ERROR_BYTES, parseRegistryError } from "./registry-error.ts";
import type { Timeouts } from "./timeouts.ts";

export interface AuthorizationRequest {
  endpoint: Endpoint;
  challenges: Challenge[];
  /** `repository:library/busybox:pull`, several separated by spaces; "" for none. */
  scope: string;
  credentials: Credentials | undefined;
  signal: AbortSignal;
}

/** Answers a server's challenge with the value of an `Authorization` header. */
export interface Authorizer {
  /** A value that an earlier challenge of the same server and scope gave and that still holds. */
  remembered(request: Omit<AuthorizationRequest, "challenges">): string | undefined;
  /** Throws unauthorized where the credentials do not serve, forbidden where they must not be sent. */
  answer(request: AuthorizationRequest): Promise<string>;
  /** A refresh token that the token server gave, for `login`. */
  identityToken(request: AuthorizationRequest): Promise<string>;
}

const MAX_TOKEN_BYTES = 1 << 20;
/** What a token without a lifetime is good for. @see distribution docs/spec/auth/token.md "expires_in" */
const DEFAULT_LIFETIME_S = 60;
/** Taken off a lifetime, for the time that a request is under way. */
const MARGIN_S = 5;
const MAX_REMEMBERED = 1000;
const CLIENT_ID = "gantry";

interface Token {
  value: string;
  identityToken: string;
  expiresAtMs: number;
}

export interface AuthorizerDeps {
  clock: Pick<Clock, "monotonicMs">;
  timeouts: Timeouts;
}

export function createAuthorizer({ clock, timeouts }: AuthorizerDeps): Authorizer {
  const remembered = new Map<string, { value: string; expiresAtMs: number }>();
  const remember = (key: string, value: string, expiresAtMs: number) => {
    remembered.delete(key);
    remembered.set(key, { value, expiresAtMs });
    if (remembered.size > MAX_REMEMBERED) remembered.delete(remembered.keys().next().value as string);
  };
  return {
    remembered(request) {
      const found = remembered.get(keyOf(request));
      return found === undefined || found.expiresAtMs <= clock.monotonicMs() ? undefined : found.value;
    },
    async answer(request) {
      const bearer = request.challenges.find(({ scheme }) => scheme === "bearer");
      if (bearer === undefined) {
        const value = basicAnswer(request);
        remember(keyOf(request), value, Number.POSITIVE_INFINITY);
        return value;
      }
      if (request.credentials !== undefined && request.credentials.registryToken !== "") {
        return `Bearer ${request.credentials.registryToken}`;
      }
      const token = await fetchToken(request, bearer, { offline: false, timeouts });
      const value = `Bearer ${token.value}`;
      remember(keyOf(request), value, clock.monotonicMs() + token.expiresAtMs);
      return value;
    },
    async identityToken(request) {
      const bearer = request.challenges.find(({ scheme }) => scheme === "bearer");
      if (bearer === undefined) return "";
      return (await fetchToken(request, bearer, { offline: true, timeouts })).identityToken;
    },
  };
}

/** Secrets are in it only as a hash. */
function keyOf({ endpoint, scope, credentials }: Omit<AuthorizationRequest, "challenges">): string {
  return createHash("sha256")
    .update(JSON.stringify([endpoint.base, scope, credentials ?? null]))
    .digest("base64");
}

function basicAnswer({ challenges, credentials, endpoint }: AuthorizationRequest): string {
  if (!challenges.some(({ scheme }) => scheme === "basic")) {
    throw new EngineError("unauthorized", `${endpoint.base}: no way to authenticate is known`);
  }
  if (credentials === undefined || (credentials.username === "" && credentials.password === "")) {
    throw new EngineError("unauthorized", "no basic auth credentials");
  }
  return basicAuthorization(credentials);
}

/** `expiresAtMs` counts from now. @see distribution docs/spec/auth/{token,oauth}.md */
async function fetchToken(
  request: AuthorizationRequest,
  { parameters }: Challenge,
  { offline, timeouts }: { offline: boolean; timeouts: Timeouts },
): Promise<Token> {
  const realm = parseRealm(parameters.realm ?? "", request.endpoint);
  const scope = mergeScopes(request.scope, parameters.scope ?? "");
  const { credentials, signal } = request;
  const { endpoint } = request;
  const tls = realm.host === new URL(endpoint.base).host ? endpoint.tls : tlsElsewhere(endpoint.tls);
  const fields: [string, string][] = [];
  if (parameters.service !== undefined) fields.push(["service", parameters.service]);
  if (credentials !== undefined && credentials.identityToken !== "") {
    fields.push(["scope", scope], ["grant_type", "refresh_token"], ["client_id", CLIENT_ID]);
    fields.push(["refresh_token", credentials.identityToken]);
    const headers = { "Content-Type": "application/x-www-form-urlencoded" };
    const body = new URLSearchParams(fields).toString();
    return readToken({ method: "POST", url: realm.href, headers, body, tls, timeouts, signal });
  }
  for (const one of scope.split(" ")) if (one !== "") fields.push(["scope", one]);
  if (offline) fields.push(["offline_token", "true"], ["client_id", CLIENT_ID]);
  const account = credentials?.username ?? "";
  if (account !== "") fields.push(["account", account]);
  for (const [name, value] of fields) realm.searchParams.append(name, value);
  const headers: Record<string, string> =
    credentials === undefined || account === "" ? {} : { Authorization: basicAuthorization(credentials) };
  return readToken({ method: "GET", url: realm.href, headers, tls, timeouts, signal });
}

/** A registry that is spoken to in secret must not have the secret sent in the open. */
function parseRealm(text: string, endpoint: Endpoint): URL {
  const realm = URL.canParse(text) ? new URL(text) : undefined;
  if (realm === undefined || !/^https?:$/.test(realm.protocol)) {
    throw new EngineError("unauthorized", `${endpoint.base}: the token server ${JSON.stringify(text)} is no URL`);
  }
  if (realm.protocol === "http:" && endpoint.base.startsWith("https:")) {
    throw new EngineError("forbidden", `${endpoint.base}: its token server ${realm.origin} is without TLS: refused`);
  }
  return realm;
}

/** What we need, and what the server says it wants. */
function mergeScopes(own: string, asked: string): string {
  return [...new Set([...own.split(" "), ...asked.split(" ")])].filter((scope) => scope !== "").join(" ");
}

async function readToken(request: Parameters<typeof exchange>[0]): Promise<Token> {
  const response = await exchange(request);
  const body = Buffer.from(
    await readBody(request, response, response.ok ? MAX_TOKEN_BYTES : MAX_ERROR_BYTES),
  ).toString();
  if (!response.ok) throw parseRegistryError(response.status, body);
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    answer = undefined;
  }
  const field = (name: string) => {
    const value = isObject(answer) ? answer[name] : undefined;
    return typeof value === "string" ? value : "";
  };
  const value = field("token") || field("access_token");
  if (value === "")
    throw new EngineError("unauthorized", "authorization server did not include a token in the response");
  const lifetime = isObject(answer) && typeof answer.expires_in === "number" ? answer.expires_in : DEFAULT_LIFETIME_S;
  const lifetimeS = Math.max(0, Math.max(lifetime, DEFAULT_LIFETIME_S) - MARGIN_S);
  return { value, identityToken: field("refresh_token"), expiresAtMs: lifetimeS * 1000 };
}
