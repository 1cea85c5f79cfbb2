import type { Duplex } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import { invalid } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import type { Builder } from "../../builder/builder.ts";
import { connectionPair } from "../grpc/connection-pair.ts";
import { decodeRegistryConfig } from "../registry-auth.ts";
import type { ApiRequest, Reply, UpgradeReply } from "../route.ts";
import { type BuildQuery, decodeBuildQuery } from "./build-query.ts";
import type { BuildKit } from "./buildkit/buildkit.ts";
import { classicMessages } from "./classic/classic-build.ts";
import { contextOfQuery, UPLOAD_PREFIX } from "./context-of-query.ts";
import { lineReply } from "./line-reply.ts";
import { quietly } from "./quietly.ts";
import { type RunningBuild, startBuild } from "./running-build.ts";
import { decodeHello } from "./session/hello.ts";
import { accountsOf, inlineCacheOf, outputOf, solveRequestOf } from "./solve-request.ts";
import { createUploads } from "./uploads.ts";

/** The handlers behind `/build`, `/session` and `/grpc`. */
export interface BuildProtocols {
  build(request: ApiRequest<unknown>): Promise<Reply>;
  session(request: ApiRequest<unknown>): Promise<Reply>;
  grpc(request: ApiRequest<unknown>): Promise<Reply>;
}

export interface ProtocolDeps {
  builder: Builder;
  clock: Clock;
  logger: Logger;
  version: string;
}

export function createBuildProtocols(deps: ProtocolDeps): BuildProtocols {
  const { builder } = deps;
  const uploads = createUploads();
  let loading: Promise<BuildKit> | undefined;
  function buildkit(): Promise<BuildKit> {
    loading ??= import("./buildkit/buildkit.ts").then(({ createBuildKit }) => createBuildKit(deps));
    return loading;
  }

  async function start(request: ApiRequest<unknown>, query: BuildQuery): Promise<RunningBuild> {
    const { signal, body } = request;
    const { sessionId } = query;
    const session = sessionId === "" ? undefined : await (await buildkit()).sessions.wait(sessionId, signal);
    const accounts = accountsOf(decodeRegistryConfig(request.header("x-registry-config")));
    const context = await contextOfQuery(query, { session, body, uploads, signal });
    const [output = { type: "moby", attributes: {} }, second] = query.outputs;
    if (second !== undefined) throw invalid("multiple outputs not supported");
    const order = {
      ref: query.buildId,
      name: query.tags[0] ?? query.remote,
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
      const messages = query.version === 2 ? (await buildkit()).trace(running) : classicMessages(running, query);
      return lineReply(query.quiet ? quietly(messages, running) : messages);
    },
    async session(request) {
      const hello = decodeHello((name) => request.header(name));
      const { sessions } = await buildkit();
      return h2c((connection) => void sessions.open(connection, hello));
    },
    async grpc() {
      const { serve } = await buildkit();
      return h2c(serve);
    },
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
