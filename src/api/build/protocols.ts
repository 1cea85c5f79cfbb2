import type { Duplex } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import { invalid } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import type { Builder } from "../../builder/builder.ts";
import { connectionPair } from "../grpc/connection-pair.ts";
import { serveGrpc } from "../grpc/server.ts";
import { decodeRegistryConfig } from "../registry-auth.ts";
import type { ApiRequest, Reply, UpgradeReply } from "../route.ts";
import { type BuildQuery, decodeBuildQuery } from "./build-query.ts";
import { traceMessages } from "./buildkit/trace-messages.ts";
import { classicMessages } from "./classic/classic-build.ts";
import { contextOfQuery, UPLOAD_PREFIX } from "./context-of-query.ts";
import { createBuildServices } from "./control/services.ts";
import { lineReply } from "./line-reply.ts";
import { quietly } from "./quietly.ts";
import { type RunningBuild, startBuild } from "./running-build.ts";
import { createSessions, decodeHello } from "./session/sessions.ts";
import { accountsOf, inlineCacheOf, outputOf, solveRequestOf } from "./solve-request.ts";
import { createUploads } from "./uploads.ts";

/** The handlers behind `/build`, `/session` and `/grpc`. */
export interface BuildProtocols {
  build(request: ApiRequest<unknown>): Promise<Reply>;
  session(request: ApiRequest<unknown>): Reply;
  grpc(request: ApiRequest<unknown>): Reply;
}

export interface ProtocolDeps {
  builder: Builder;
  clock: Clock;
  logger: Logger;
}

export function createBuildProtocols({ builder, clock, logger }: ProtocolDeps): BuildProtocols {
  const sessions = createSessions();
  const uploads = createUploads();
  const services = createBuildServices({ builder, sessions, clock });

  async function start(request: ApiRequest<unknown>, query: BuildQuery): Promise<RunningBuild> {
    const { signal, body } = request;
    const session = query.sessionId === "" ? undefined : await sessions.wait(query.sessionId, signal);
    const accounts = accountsOf(decodeRegistryConfig(request.header("x-registry-config")));
    const context = await contextOfQuery(query, { session, body, uploads, signal });
    const [first, second] = query.outputs;
    if (second !== undefined) throw invalid("multiple outputs not supported");
    const output = first === undefined ? { type: "moby", attributes: {} } : first;
    const order = {
      ref: query.buildId,
      session,
      request: solveRequestOf(query, { ...context, accounts }),
      outputs: [outputOf(output, query.tags)],
      cacheTo: inlineCacheOf(query.buildArgs),
    };
    return startBuild(builder, order, signal);
  }

  return {
    async build(request) {
      const query = decodeBuildQuery(request.query);
      if (query.version === 2 && query.buildId.startsWith(UPLOAD_PREFIX)) {
        await uploads.offer(query.buildId.slice(UPLOAD_PREFIX.length), request.body, request.signal);
        return { status: 200 };
      }
      const running = await start(request, query);
      const messages = query.version === 2 ? traceMessages(running, clock) : classicMessages(running, query);
      return lineReply(query.quiet ? quietly(messages, running) : messages);
    },
    session(request) {
      const hello = decodeHello((name) => request.header(name));
      return h2c((connection) => void sessions.open(connection, hello));
    },
    grpc: () => h2c((connection) => void serveGrpc(connection, services, logger)),
  };
}

/** The connection is handed over before the client is told so: what is refused is an ordinary HTTP error then. */
function h2c(take: (connection: Duplex) => void): UpgradeReply {
  return {
    upgrade: {
      protocol: "h2c",
      contentType: "text/plain",
      headFirst: false,
      async open() {
        const [near, far] = connectionPair();
        take(near);
        return far;
      },
      encodeError: () => new Uint8Array(0),
      detachKeys: new Uint8Array(0),
      onDetach: () => undefined,
    },
  };
}
