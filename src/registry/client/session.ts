import type { Clock } from "../../base/clock.ts";
import { EngineError } from "../../base/errors.ts";
import type { Authorizer } from "./authorizer.ts";
import { parseChallenges } from "./challenge.ts";
import { ConnectionError } from "./connection-error.ts";
import type { Credentials } from "./credentials.ts";
import { type Capability, type Endpoint, tlsElsewhere } from "./endpoint.ts";
import type { Hosts } from "./hosts.ts";
import { discard, exchange, type HttpRequest, isStream, readBody } from "./http.ts";
import { rateLimitWords } from "./rate-limit.ts";
import { MAX_ERROR_BYTES, parseRegistryError, RegistryError } from "./registry-error.ts";
import type { Timeouts } from "./timeouts.ts";

export interface SessionDeps {
  hosts: Hosts;
  authorizer: Authorizer;
  userAgent: string;
  timeouts: Timeouts;
  clock: Pick<Clock, "monotonicMs" | "now" | "sleep">;
}

export interface SessionRequest {
  method: string;
  /** Below the API's root, beginning with a slash; or a whole URL that a server has given. */
  path: string;
  headers?: Record<string, string>;
  body?: HttpRequest["body"];
  /** Time for the answer's head, where it is not the usual. */
  headMs?: number;
  scope: string;
  credentials: Credentials | undefined;
  signal: AbortSignal;
}

/** One answer of a status below 400, from one server. A body that is a stream is gone once it was sent. Throws RegistryError or ConnectionError. */
export async function ask(deps: SessionDeps, endpoint: Endpoint, request: SessionRequest): Promise<Response> {
  const credentials = endpoint.isOrigin ? request.credentials : undefined;
  const url = request.path.startsWith("/") ? endpoint.base + request.path : request.path;
  const identity = { endpoint, scope: request.scope, credentials, signal: request.signal };
  // A server elsewhere that was named in a Location does not get what is for this one.
  const isOwn = new URL(url).origin === new URL(endpoint.base).origin;
  const timeouts = { ...deps.timeouts, headMs: request.headMs ?? deps.timeouts.headMs };
  const send = (authorization: string | undefined) =>
    exchange({
      method: request.method,
      url,
      headers: {
        "User-Agent": deps.userAgent,
        ...(isOwn ? endpoint.headers : {}),
        ...request.headers,
        ...(authorization === undefined ? {} : { Authorization: authorization }),
      },
      ...(request.body === undefined ? {} : { body: request.body }),
      tls: isOwn ? endpoint.tls : tlsElsewhere(endpoint.tls),
      timeouts,
      signal: request.signal,
    });
  let response = await send(isOwn ? deps.authorizer.remembered(identity) : undefined);
  const challenge = response.headers.get("www-authenticate");
  if (response.status === 401 && challenge !== null && isOwn && !isStream(request.body)) {
    const challenges = parseChallenges(challenge);
    await discard(response);
    response = await send(await deps.authorizer.answer({ ...identity, challenges }));
  }
  if (response.status < 400) return response;
  throw await refusal(deps, { method: request.method, url, timeouts, signal: request.signal }, response);
}

async function refusal(
  deps: SessionDeps,
  request: Parameters<typeof readBody>[0],
  response: Response,
): Promise<RegistryError> {
  const body = await readBody(request, response, MAX_ERROR_BYTES).catch(() => new Uint8Array(0));
  request.signal?.throwIfAborted();
  const error = parseRegistryError(response.status, Buffer.from(body).toString());
  if (response.status === 401 && lacksScope(response)) return new RegistryError(401, "DENIED", DENIED_WORDS);
  if (response.status !== 429) return error;
  const words = rateLimitWords(response.headers, deps.clock.now());
  return new RegistryError(429, error.code || "TOOMANYREQUESTS", `${error.message}${words}`);
}

/** The token is good, but not for this: as with a repository of Docker Hub that is private or not there. @see RFC 6750 §3.1 */
function lacksScope({ headers }: Response): boolean {
  const challenges = parseChallenges(headers.get("www-authenticate") ?? "");
  return challenges.some(({ scheme, parameters }) => scheme === "bearer" && parameters.error === "insufficient_scope");
}

const DENIED_WORDS = "denied: requested access to the resource is denied";

/** Servers that answered last, by domain: saves asking a registry without TLS in vain each time. */
export class Servers {
  readonly #deps: SessionDeps;
  readonly #answered = new Map<string, string>();

  constructor(deps: SessionDeps) {
    this.#deps = deps;
  }

  /**
   * The first answer that a server of the domain gives. Mirrors are passed over whatever they say, lies too; the registry itself
   * only where no answer was had. Throws what the last one said.
   */
  async try<T>(
    domain: string,
    { capability, pastMirrors = false }: { capability: Capability; pastMirrors?: boolean },
    job: (endpoint: Endpoint) => Promise<T>,
  ): Promise<T> {
    const endpoints = await this.#deps.hosts.endpoints(domain, capability);
    const known = this.#answered.get(domain);
    const hasOrigin = endpoints.some(({ isOrigin }) => isOrigin);
    const isKnown = ({ base, isOrigin }: Endpoint) => isOrigin && base === known;
    // Only the order among the registry's own addresses changes: mirrors stay in front.
    const ordered = [
      ...endpoints.filter(({ isOrigin }) => !isOrigin && !(pastMirrors && hasOrigin)),
      ...endpoints.filter(isKnown),
      ...endpoints.filter((endpoint) => endpoint.isOrigin && !isKnown(endpoint)),
    ];
    let failure: unknown;
    for (const endpoint of ordered) {
      try {
        const result = await job(endpoint);
        if (endpoint.isOrigin) this.#remember(domain, endpoint);
        return result;
      } catch (error) {
        if (endpoint.isOrigin && !isNoAnswer(endpoint, error)) {
          this.#remember(domain, endpoint);
          throw error;
        }
        if (!(error instanceof EngineError)) throw error;
        failure = moreTelling(failure, error);
      }
    }
    throw failure;
  }

  #remember(domain: string, { base }: Endpoint): void {
    this.#answered.delete(domain);
    this.#answered.set(domain, base);
    if (this.#answered.size > MAX_REMEMBERED) this.#answered.delete(this.#answered.keys().next().value as string);
  }
}

const MAX_REMEMBERED = 1000;

/** Also a server that speaks TLS by now, and says so to one who does not, in no registry's form. */
function isNoAnswer({ base }: Endpoint, error: unknown): boolean {
  if (error instanceof ConnectionError) return true;
  return base.startsWith("http:") && error instanceof RegistryError && error.status === 400 && error.code === "";
}

/** Where the registry speaks no TLS, what plain HTTP said tells more; else what TLS said. */
function moreTelling(before: unknown, now: unknown): unknown {
  const isPlain = before instanceof Error && before.message.includes("server gave HTTP response");
  return before === undefined || isPlain || !(before instanceof ConnectionError) ? now : before;
}
