import { chmodSync, chownSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { hostname } from "node:os";
import type { Duplex } from "node:stream";
import type { Clock } from "../base/clock.ts";
import { EngineError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Engine } from "../engine/engine.ts";
import { isFromBrowser } from "./browser-guard.ts";
import { type DispatchDeps, dispatch } from "./dispatch.ts";
import { responseOutlet, socketOutlet, writeError } from "./reply-writer.ts";
import { createRouter } from "./router.ts";
import { allRoutes } from "./routes/all.ts";
import { MAX_API_VERSION } from "./version.ts";

/** Bytes of a request's head: registry credentials for many hosts fit. */
const MAX_HEAD_BYTES = 256 * 1024;
/** Time for a request's head to be complete. */
const HEAD_TIMEOUT_MS = 15_000;
/** Time that a connection may stay idle between requests; clients that keep connections do so for 90 s. */
const KEEP_ALIVE_MS = 120_000;
/** Open connections of one listener; further ones are closed at once. */
const MAX_CONNECTIONS = 10_000;

export interface ApiServerDeps {
  engine: Engine;
  /** Of this program, `0.1.0`; and of the commit it was built from. */
  version: string;
  gitCommit: string;
  logger: Logger;
  clock: Clock;
}

export type ListenTarget =
  | { kind: "unix"; path: string; mode: number; gid?: number }
  | { kind: "tcp"; host: string; port: number; tls?: { key: string; cert: string; ca?: string } };

export interface ApiServer {
  /** May be called for several targets. Throws internal when the address cannot be had. Returns the address in use. */
  listen(target: ListenTarget): Promise<{ port?: number }>;
  /** Ends every connection and listener; sockets' files are removed. */
  close(): Promise<void>;
}

export function createApiServer(deps: ApiServerDeps): ApiServer {
  const dispatchDeps: DispatchDeps = {
    router: createRouter(allRoutes(deps)),
    logger: deps.logger,
    headers: {
      Server: `Docker/${deps.version} (linux)`,
      "Api-Version": MAX_API_VERSION,
      Ostype: "linux",
      "Docker-Experimental": "false",
    },
  };
  const listeners: { server: Server; sockets: Set<Duplex>; path: string | undefined }[] = [];
  return {
    async listen(target) {
      const server = makeServer(target, dispatchDeps);
      const sockets = new Set<Duplex>();
      server.on("connection", (socket) => {
        sockets.add(socket);
        socket.once("close", () => sockets.delete(socket));
      });
      const result = await bind(server, target);
      listeners.push({ server, sockets, path: target.kind === "unix" ? target.path : undefined });
      return result;
    },
    async close() {
      await Promise.all(listeners.splice(0).map(closeListener));
    },
  };
}

function makeServer(target: ListenTarget, deps: DispatchDeps): Server {
  const options = {
    maxHeaderSize: MAX_HEAD_BYTES,
    headersTimeout: HEAD_TIMEOUT_MS,
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
  };
  const tls = target.kind === "tcp" ? target.tls : undefined;
  const server =
    tls === undefined
      ? createServer(options)
      : createTlsServer({
          ...options,
          ...tls,
          requestCert: tls.ca !== undefined,
          rejectUnauthorized: tls.ca !== undefined,
        });
  server.maxConnections = MAX_CONNECTIONS;
  const exposed = target.kind === "tcp" && tls === undefined;
  server.on("request", (request, response) => {
    const outlet = responseOutlet(response);
    if (exposed && refusesBrowser(request)) return writeError(outlet, browserRefused(), deps.headers);
    void dispatch({ request, outlet, socket: request.socket, upgraded: false, early: new Uint8Array(0) }, deps);
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, early: Uint8Array) => {
    const outlet = socketOutlet(socket);
    socket.on("error", () => socket.destroy());
    if (exposed && refusesBrowser(request)) return writeError(outlet, browserRefused(), deps.headers);
    void dispatch({ request, outlet, socket, upgraded: true, early }, deps);
  });
  server.on("clientError", (error, socket) => {
    deps.logger.debug("a client sent no HTTP", { error: error.message });
    if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
  return server;
}

function refusesBrowser(request: IncomingMessage): boolean {
  return isFromBrowser({ origin: request.headers.origin, host: request.headers.host }, hostname());
}

function browserRefused(): EngineError {
  return new EngineError("forbidden", "requests from web pages are refused on an address without TLS");
}

function bind(server: Server, target: ListenTarget): Promise<{ port?: number }> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      const address = target.kind === "unix" ? target.path : `${target.host}:${target.port}`;
      reject(new EngineError("internal", `listening on ${address}: ${error.message}`, { cause: error }));
    });
    if (target.kind === "tcp") {
      server.listen({ host: target.host, port: target.port }, () => {
        const address = server.address();
        resolve(typeof address === "object" && address !== null ? { port: address.port } : {});
      });
      return;
    }
    rmSync(target.path, { force: true });
    // Nobody may connect between bind and chmod.
    const umask = process.umask(0o777);
    server.listen(target.path, () => {
      if (target.gid !== undefined) chownSync(target.path, 0, target.gid);
      chmodSync(target.path, target.mode);
      resolve({});
    });
    process.umask(umask);
  });
}

async function closeListener(listener: {
  server: Server;
  sockets: Set<Duplex>;
  path: string | undefined;
}): Promise<void> {
  const { server, sockets, path } = listener;
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  for (const socket of sockets) socket.destroy();
  server.closeAllConnections();
  await closed;
  if (path !== undefined) rmSync(path, { force: true });
}
