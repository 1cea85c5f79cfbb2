import type { Duplex } from "node:stream";
import type { WireProgress } from "../../../wire/progress.ts";
import { serveGrpc } from "../../grpc/server.ts";
import { createBuildServices } from "../control/services.ts";
import type { ProtocolDeps } from "../protocols.ts";
import type { RunningBuild } from "../running-build.ts";
import { createSessions, type Sessions } from "../session/sessions.ts";
import { traceMessages } from "./trace-messages.ts";

/** Everything that needs HTTP/2 and Protocol Buffers: loaded when the first client comes that speaks them. */
export interface BuildKit {
  sessions: Sessions;
  /** Messages of `POST /build?version=2`. */
  trace(build: RunningBuild): AsyncGenerator<WireProgress>;
  /** Serves gRPC on it until it is over. */
  serve(connection: Duplex): void;
}

export function createBuildKit({ logger, ...deps }: ProtocolDeps): BuildKit {
  const sessions = createSessions();
  const services = createBuildServices({ ...deps, sessions });
  return {
    sessions,
    trace: (build) => traceMessages(build, deps.clock),
    serve: (connection) => void serveGrpc(connection, services, logger),
  };
}
