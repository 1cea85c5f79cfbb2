import { readFileSync } from "node:fs";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { type Authorizer, openToAll } from "./auth/access.ts";
import { createBasicAuthorizer } from "./auth/basic-authorizer.ts";
import { createPasswords } from "./auth/htpasswd.ts";
import { createOwnTokens } from "./auth/own-tokens.ts";
import { createTokenAuthorizer } from "./auth/token-authorizer.ts";
import { readKeys, verifyToken } from "./auth/web-token.ts";
import type { RegistryConfig } from "./config/config.ts";
import { createRequestHandler, type HandlerDeps } from "./handle-request.ts";
import { startHousekeeping } from "./housekeeping.ts";
import type { Method, Routes } from "./http/exchange.ts";
import { reply } from "./http/replies.ts";
import type { Target } from "./http/target.ts";
import { listen } from "./listen.ts";
import { createAccessLog, type LogSink, noAccessLog } from "./observe/access-log.ts";
import { createMetrics, type Metrics } from "./observe/metrics.ts";
import { createMirror, type Mirror } from "./proxy/mirror.ts";
import { createRegistryUpstream } from "./proxy/registry-upstream.ts";
import { blobRoutes } from "./routes/blobs.ts";
import { listRoutes } from "./routes/lists.ts";
import { manifestRoutes } from "./routes/manifests.ts";
import { type LoadPage, pageRoutes } from "./routes/page.ts";
import { searchRoutes } from "./routes/search.ts";
import { uploadRoutes } from "./routes/uploads.ts";
import { LEAST_GRACE_MS, openStorage, type Storage } from "./storage/storage.ts";
import type { TryLock } from "./storage/uploads.ts";

export interface RegistryDeps {
  lock: TryLock;
  clock: Clock;
  logger: Logger;
  accessLog: LogSink;
  /** The page at `/`; see routes/page.ts. */
  loadPage?: LoadPage;
}

export interface Registry {
  port: number;
  /** Of the metrics, where they have an address of their own. */
  metricsPort: number | undefined;
  /** Takes no more connections, finishes the requests that run (within the limit) and what they left to do. */
  stop(): Promise<void>;
}

/** For what requests left to do: a blob on its way into the cache, a collection, index.json. */
const REST_MS = 3_000;

/** The whole server in one process; read it as the wiring diagram. Throws invalid-argument for settings that cannot be obeyed. */
export async function startRegistry(config: RegistryConfig, deps: RegistryDeps): Promise<Registry> {
  const { clock, logger } = deps;
  const tls = readTls(config);
  const storage = await openStorage({ root: config.root, readOnly: config.readOnly }, deps);
  const metrics = createMetrics();
  const mirror = createMirrorOf(config, storage, deps);
  const { authorizer, routes: tokenRoutes } = createAuthorizer(config, clock);
  const accessLog = config.accessLog ? createAccessLog(deps.accessLog) : noAccessLog;
  const page = pageRoutes((await deps.loadPage?.()) ?? new Map());
  const observed = observationRoutes(metrics, storage, () => handler.uploads());
  const routes: Routes = { ...registryRoutes(storage, mirror), ...tokenRoutes, ...page, ...observed };
  const common = { metrics, logger, clock, limits: config.limits, accessLog };
  const refusal = refusalOf(config);
  const handler = createRequestHandler({ ...common, routes, authorizer, refusal });
  const main = listen(config.listen, { handler, tls, limits: config.limits, shared: config.reusePort });
  const open: HandlerDeps = { ...common, routes: observed, authorizer: openToAll, refusal, accessLog: noAccessLog };
  const aside = { handler: createRequestHandler(open), tls: undefined, limits: config.limits, shared: false };
  const side = config.metricsListen === undefined ? undefined : listen(config.metricsListen, aside);
  if (!config.readOnly) storage.refreshIndex();
  const housekeeping = startHousekeeping(
    { storage, clock, logger, metrics },
    {
      ...config.gc,
      graceMs: Math.max(config.gc.graceMs, LEAST_GRACE_MS),
      intervalMs: config.readOnly ? 0 : config.gc.intervalMs,
      // A mirror's manifests are found by their tags alone, once those are forgotten they are garbage.
      deleteUntagged: config.gc.deleteUntagged || config.proxy !== undefined,
      ...(config.proxy?.forgetAfterMs === undefined ? {} : { forgetTagsAfterMs: config.proxy.forgetAfterMs }),
    },
  );
  return {
    port: main.port,
    metricsPort: side?.port,
    async stop() {
      await main.stop(config.limits.shutdownMs);
      await side?.stop(0);
      // What takes longer may be killed at any moment: nothing of it is lost but the time it took.
      const rest = Promise.all([housekeeping.stop(), mirror?.close()]).then(() => storage.close());
      const enough = new AbortController();
      await Promise.race([rest, clock.sleep(REST_MS, enough.signal)]).finally(() => enough.abort());
      accessLog.flush();
    },
  };
}

function registryRoutes(storage: Storage, mirror: Mirror | undefined): Routes {
  return {
    base: { GET: () => reply(200, { "Content-Type": "application/json" }, "{}") },
    ...blobRoutes({ storage, mirror }),
    ...uploadRoutes({ storage }),
    ...manifestRoutes({ storage, mirror }),
    ...listRoutes({ storage }),
    ...searchRoutes({ storage }),
  };
}

function observationRoutes(metrics: Metrics, storage: Storage, uploads: () => number): Routes {
  return {
    health: { GET: () => reply(200, { "Content-Type": "text/plain" }, "ok\n") },
    metrics: {
      async GET() {
        const gauges = { uploads_open: uploads(), blobs: await storage.countBlobs() };
        return reply(200, { "Content-Type": "text/plain; version=0.0.4" }, metrics.render(gauges));
      },
    },
  };
}

function refusalOf(config: RegistryConfig): HandlerDeps["refusal"] {
  return (method: Method, target: Target) => {
    if (config.readOnly) return "the registry is read-only";
    if (config.proxy !== undefined) return "the registry is a cache of another one: push there";
    const deletes = method === "DELETE" && target.kind !== "upload";
    return deletes && !config.deletes ? "deleting is not allowed here" : undefined;
  };
}

function createMirrorOf({ proxy }: RegistryConfig, storage: Storage, deps: RegistryDeps): Mirror | undefined {
  if (proxy === undefined) return undefined;
  const { url, user, passwordFile } = proxy;
  const password = passwordFile === "" ? proxy.password : readFileSync(passwordFile, "utf8").trimEnd();
  const upstream = createRegistryUpstream({ url, user, password }, deps.clock);
  return createMirror({ storage, logger: deps.logger, upstream });
}

function createAuthorizer(config: RegistryConfig, clock: Clock): { authorizer: Authorizer; routes: Routes } {
  const { token } = config;
  if (token !== undefined) {
    const keys = token.keys.flatMap((path) => readKeys(readFileSync(path, "utf8"), path));
    const rules = { keys, issuer: token.issuer, service: token.service };
    const claimsOf = (text: string, now: Date) => verifyToken(text, rules, now);
    const options = { realm: () => token.realm, service: token.service, claimsOf };
    return { authorizer: createTokenAuthorizer(options, clock), routes: {} };
  }
  if (config.htpasswd === "") return { authorizer: openToAll, routes: {} };
  const passwords = createPasswords(config.htpasswd, clock);
  if (!config.anonymousPull) return { authorizer: createBasicAuthorizer(passwords, config.realm), routes: {} };
  const own = createOwnTokens({ root: config.root, passwords, clock });
  // The address is the one that the client came by: behind a proxy, too.
  const realm = (request: Request) => {
    const scheme = request.headers.get("x-forwarded-proto") ?? (config.tls === undefined ? "http" : "https");
    return `${scheme}://${request.headers.get("host") ?? ""}/auth/token`;
  };
  const options = { realm, service: config.realm, claimsOf: (text: string, now: Date) => own.claimsOf(text, now) };
  return { authorizer: createTokenAuthorizer(options, clock), routes: own.routes };
}

function readTls({ tls }: RegistryConfig): { cert: string; key: string } | undefined {
  if (tls === undefined) return undefined;
  return { cert: readFileSync(tls.certificate, "utf8"), key: readFileSync(tls.key, "utf8") };
}
