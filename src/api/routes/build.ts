import type { Clock } from "../../base/clock.ts";
import { invalid } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import type { Builder } from "../../builder/builder.ts";
import type { BuildProtocols } from "../build/protocols.ts";
import { type ApiRequest, type Reply, type Route, route } from "../route.ts";

export interface BuildRouteDeps {
  builder: Builder;
  clock: Clock;
  logger: Logger;
  /** Of this program, for clients that ask what they talk to. */
  version: string;
}

/**
 * Builds by the protocols of Docker's clients: the classic one, BuildKit's sessions, and its gRPC services. What speaks them is
 * loaded with the first request: a daemon that builds nothing starts without it.
 */
export function buildRoutes({ builder, ...deps }: BuildRouteDeps): Route[] {
  let protocols: Promise<BuildProtocols> | undefined;
  function loaded(): Promise<BuildProtocols> {
    const own = { builder, ...deps };
    protocols ??= import("../build/protocols.ts").then(({ createBuildProtocols }) => createBuildProtocols(own));
    return protocols;
  }
  return [
    route("POST", "/build", async (request) => (await loaded()).build(request)),
    route("POST", "/build/cancel", ({ query }) => {
      const id = query.get("id") ?? "";
      if (id === "") throw invalid("build ID not provided");
      builder.cancel(id);
      return { status: 200 };
    }),
    route("POST", "/session", async (request) => {
      requireH2c(request);
      return (await loaded()).session(request);
    }),
    route("POST", "/grpc", async (request): Promise<Reply> => {
      requireH2c(request);
      return (await loaded()).grpc(request);
    }),
  ];
}

/** The connection becomes HTTP/2 afterwards. */
function requireH2c(request: Pick<ApiRequest, "header">): void {
  const protocol = request.header("upgrade") ?? "";
  if (protocol === "") throw invalid("no upgrade proto in request");
  if (protocol.toLowerCase() !== "h2c") throw invalid(`protocol ${protocol} not supported`);
}
