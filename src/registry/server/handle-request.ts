import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { accessFor, type Authorizer } from "./auth/access.ts";
import { DistributionError } from "./http/error-codes.ts";
import type { Exchange, Handler, Method, Routes } from "./http/exchange.ts";
import { replyError, toDistributionError } from "./http/replies.ts";
import { readBody, readDocument } from "./http/request-body.ts";
import { parseTarget, type Target } from "./http/target.ts";
import type { AccessLog } from "./observe/access-log.ts";
import type { Metrics } from "./observe/metrics.ts";

/** Status in the log, as nginx has it, of a request whose client went away. */
const CLIENT_GONE = 499;
const RETRY_AFTER_SECONDS = "5";
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const WRITES = new Set<Method>(["POST", "PUT", "PATCH", "DELETE"]);

export interface HandlerDeps {
  routes: Routes;
  authorizer: Authorizer;
  metrics: Metrics;
  accessLog: AccessLog;
  logger: Logger;
  clock: Clock;
  limits: { uploads: number; requests: number; stallMs: number };
  /** Why nothing may be changed (or, of deletes, nothing deleted); undefined: it may. */
  refusal(method: Method, target: Target): string | undefined;
}

export interface RequestHandler {
  handle(request: Request, client: { address: string; pending: number }): Promise<Response>;
  /** Uploads that are being received. */
  uploads(): number;
}

interface Facts {
  route: string;
  user: string;
  bytesIn: number;
}

/** From a request to its answer: target → rights → handler; every failure becomes an answer here, and only here is it logged. */
export function createRequestHandler(deps: HandlerDeps): RequestHandler {
  let uploads = 0;
  return {
    uploads: () => uploads,
    async handle(request, client) {
      const startedMs = deps.clock.monotonicMs();
      const { path, query } = splitUrl(request.url);
      const facts: Facts = { route: "none", user: "", bytesIn: 0 };
      let response: Response;
      try {
        if (client.pending > deps.limits.requests)
          throw new DistributionError("UNAVAILABLE", { headers: { "Retry-After": RETRY_AFTER_SECONDS } });
        const isUpload = request.body !== null && request.method !== "GET";
        if (isUpload && uploads >= deps.limits.uploads)
          throw new DistributionError("TOOMANYREQUESTS", { headers: { "Retry-After": RETRY_AFTER_SECONDS } });
        if (isUpload) uploads++;
        try {
          response = await dispatch(deps, { request, path, query: new URLSearchParams(query) }, facts);
        } finally {
          if (isUpload) uploads--;
        }
      } catch (error) {
        response = failure(deps, request, error);
      }
      note(deps, { request, response, path, address: client.address, startedMs }, facts);
      return response;
    },
  };
}

async function dispatch(
  deps: HandlerDeps,
  { request, path, query }: Pick<Exchange, "request" | "path" | "query">,
  facts: Facts,
): Promise<Response> {
  const target = parseTarget(path);
  if (target === undefined) throw new DistributionError("NOT_FOUND");
  facts.route = target.kind;
  const method = request.method as Method;
  const methods = deps.routes[target.kind] ?? {};
  const handler = methods[method] ?? (method === "HEAD" ? methods.GET : undefined);
  const needed = accessFor(target, method, query);
  if (needed !== undefined) facts.user = (await deps.authorizer.authorize(request, needed)).user;
  if (handler === undefined) throw unsupported(methods, target);
  const refusal = WRITES.has(method) ? deps.refusal(method, target) : undefined;
  if (refusal !== undefined) throw new DistributionError("UNSUPPORTED", { message: refusal });
  const exchange: Exchange = {
    request,
    method,
    path,
    query,
    target,
    body: () => counted(readBody(request, deps.limits), facts),
    async document(limitBytes) {
      const bytes = await readDocument(request, limitBytes, deps.limits);
      facts.bytesIn += bytes.length;
      return bytes;
    },
  };
  return (handler as Handler<never>)(exchange as Exchange<never>);
}

function unsupported(methods: object, { kind }: Target): DistributionError {
  const allowed = Object.keys(methods);
  if (allowed.length === 0) return new DistributionError("NOT_FOUND");
  return new DistributionError("UNSUPPORTED", { headers: { Allow: allowed.join(", ") }, detail: { target: kind } });
}

async function* counted(body: AsyncIterable<Uint8Array>, facts: Facts): AsyncGenerator<Uint8Array> {
  for await (const piece of body) {
    facts.bytesIn += piece.length;
    yield piece;
  }
}

function failure({ logger }: HandlerDeps, request: Request, error: unknown): Response {
  if (request.signal.aborted) return new Response(null, { status: CLIENT_GONE });
  const refused = toDistributionError(error);
  if (refused.status >= 500) {
    const cause = refused.cause instanceof Error ? refused.cause : refused;
    logger.error("request failed", { method: request.method, url: request.url, code: refused.code, error: cause });
  }
  return replyError(refused);
}

interface Seen {
  request: Request;
  response: Response;
  path: string;
  address: string;
  startedMs: number;
}

function note({ metrics, accessLog, clock }: HandlerDeps, seen: Seen, { route, user, bytesIn }: Facts): void {
  const { request, response, path, address, startedMs } = seen;
  // Of names that only their senders know, one series.
  const method = METHODS.has(request.method) ? request.method : "OTHER";
  const { status, headers } = response;
  const elapsedMs = clock.monotonicMs() - startedMs;
  const bytesOut = method === "HEAD" || status === 304 ? 0 : Number(headers.get("content-length") ?? 0);
  metrics.request({ method, route, status, seconds: elapsedMs / 1000, bytesIn, bytesOut });
  accessLog.add({
    time: clock.now().toISOString(),
    remote: address,
    user,
    method,
    path,
    status,
    bytesIn,
    bytesOut,
    durationMs: Math.round(elapsedMs * 1000) / 1000,
    agent: request.headers.get("user-agent") ?? "",
  });
}

/** Without making a URL object of it, which costs more than most answers. */
function splitUrl(url: string): { path: string; query: string } {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  const mark = url.indexOf("?", start);
  return mark < 0
    ? { path: url.slice(start), query: "" }
    : { path: url.slice(start, mark), query: url.slice(mark + 1) };
}
