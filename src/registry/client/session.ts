import { isKind } from "../../base/errors.ts";
import type { Authorizer } from "./authorizer.ts";
import { parseChallenges } from "./challenge.ts";
import { ConnectionError } from "./connection-error.ts";
import type { Credentials } from "./credentials.ts";
import type { Capability, Endpoint } from "./endpoint.ts";
import type { Hosts } from "./hosts.ts";
import { discard, exchange, type HttpRequest, readBody } from "./http.ts";
import { rateLimitWords } from "./rate-limit.ts";
import { MAX_ERROR_BYTES, parseRegistryError, RegistryError } from "./registry-error.ts";

export interface SessionDeps {
  hosts: Hosts;
  authorizer: Authorizer;
  userAgent: string;
  now: () => Date;
}

export interface SessionRequest {
  method: string;
  /** Below the API's root, beginning with a slash; or a whole URL that a server has given. */
  path: string;
  headers?: Record<string, string>;
  body?: HttpRequest["body"];
  scope: string;
  credentials: Credentials | undefined;
  signal: AbortSignal;
}

/** Statuses with which a server says that it cannot now, and another might. */
function isTemporary(error: unknown): boolean {
  return error instanceof ConnectionError || (error instanceof RegistryError && error.kind === "unavailable");
}

/** One answer of a status below 400, from one server. Throws RegistryError or ConnectionError. */
export async function ask(deps: SessionDeps, endpoint: Endpoint, request: SessionRequest): Promise<Response> {
  const credentials = endpoint.isOrigin ? request.credentials : undefined;
  const url = request.path.startsWith("/") ? endpoint.base + request.path : request.path;
  const identity = { endpoint, scope: request.scope, credentials, signal: request.signal };
  const send = (authorization: string | undefined) =>
    exchange({
      method: request.method,
      url,
      headers: {
        "User-Agent": deps.userAgent,
        ...endpoint.headers,
        ...request.headers,
        ...(authorization === undefined ? {} : { Authorization: authorization }),
      },
      ...(request.body === undefined ? {} : { body: request.body }),
      tls: endpoint.tls,
      signal: request.signal,
    });
  // A server elsewhere that was named in a Location does not get what is for this one.
  const isOwn = new URL(url).origin === new URL(endpoint.base).origin;
  let response = await send(isOwn ? deps.authorizer.remembered(identity) : undefined);
  const challenge = response.headers.get("www-authenticate");
  if (response.status === 401 && challenge !== null && isOwn && isRepeatable(request.body)) {
    const challenges = parseChallenges(challenge);
    await discard(response);
    response = await send(await deps.authorizer.answer({ ...identity, challenges }));
  }
  if (response.status < 400) return response;
  throw await refusal(deps, { method: request.method, url }, response);
}

/** A stream of bytes is gone once it was sent. */
function isRepeatable(body: HttpRequest["body"]): boolean {
  return body === undefined || typeof body === "string" || body instanceof Uint8Array || body instanceof Blob;
}

async function refusal(
  deps: SessionDeps,
  request: { method: string; url: string },
  response: Response,
): Promise<RegistryError> {
  const body = await readBody(request, response, MAX_ERROR_BYTES).catch(() => new Uint8Array(0));
  const error = parseRegistryError(response.status, Buffer.from(body).toString());
  if (response.status !== 429) return error;
  const words = rateLimitWords(response.headers, deps.now());
  return new RegistryError(429, error.code || "TOOMANYREQUESTS", `${error.message}${words}`);
}

/** Servers that answered last, by domain: saves asking a registry without TLS in vain each time. */
export class Servers {
  readonly #deps: SessionDeps;
  readonly #answered = new Map<string, string>();

  constructor(deps: SessionDeps) {
    this.#deps = deps;
  }

  /**
   * The first answer that a server of the domain gives. Mirrors are passed over whatever they say; the registry itself only where
   * no answer was had. Throws what the last one said.
   */
  async try<T>(domain: string, capability: Capability, job: (endpoint: Endpoint) => Promise<T>): Promise<T> {
    const endpoints = await this.#deps.hosts.endpoints(domain, capability);
    const known = this.#answered.get(domain);
    const isKnown = ({ base, isOrigin }: Endpoint) => isOrigin && base === known;
    // Only the order among the registry's own addresses changes: mirrors stay in front.
    const ordered = [
      ...endpoints.filter(({ isOrigin }) => !isOrigin),
      ...endpoints.filter(isKnown),
      ...endpoints.filter((endpoint) => endpoint.isOrigin && !isKnown(endpoint)),
    ];
    let failure: unknown;
    for (const endpoint of ordered) {
      try {
        const result = await job(endpoint);
        if (endpoint.isOrigin) this.#answered.set(domain, endpoint.base);
        return result;
      } catch (error) {
        if (endpoint.isOrigin && !(error instanceof ConnectionError)) {
          this.#answered.set(domain, endpoint.base);
          throw error;
        }
        if (!isTemporary(error) && !isRefusal(error)) throw error;
        failure = moreTelling(failure, error);
      }
    }
    throw failure;
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof RegistryError || isKind(error, "unauthorized") || isKind(error, "forbidden");
}

/** Where the registry speaks no TLS, what plain HTTP said tells more; else what TLS said. */
function moreTelling(before: unknown, now: unknown): unknown {
  const isPlain = before instanceof Error && before.message.includes("server gave HTTP response");
  return before === undefined || isPlain || !(before instanceof ConnectionError) ? now : before;
}
