import { EngineError } from "../../../base/errors.ts";
import { Empty, HEALTH_SERVING, HealthResponse, SESSION_METHODS } from "../../../wire/buildkit/session.ts";
import { type CallHandler, type Services, unary } from "../../grpc/server.ts";
import { bridgeServices } from "./bridge-services.ts";
import { cacheServices } from "./cache-services.ts";
import { type ControlDeps, controlServices } from "./control-services.ts";
import { createGatewayBuilds } from "./gateway-builds.ts";
import { historyServices } from "./history-services.ts";

const TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const CONTENT = "/containerd.services.content.v1.Content/";

/** Everything that is served behind `POST /grpc`. */
export function createBuildServices(deps: Omit<ControlDeps, "gateway">): Services {
  const gateway = createGatewayBuilds();
  return new Map<string, CallHandler>([
    ...controlServices({ ...deps, gateway }),
    ...cacheServices(deps.builder),
    ...historyServices(deps.builder),
    ...bridgeServices(gateway),
    [SESSION_METHODS.health, unary({ input: Empty, output: HealthResponse }, () => ({ status: HEALTH_SERVING }))],
    // Clients send traces of their own work along; nobody here looks at them.
    [TRACES, unary({ input: Empty, output: Empty }, () => ({}))],
    ...["Info", "Read", "Status"].map((method): [string, CallHandler] => [`${CONTENT}${method}`, noContent]),
    [`${CONTENT}List`, async () => undefined],
  ]);
}

/** Records of builds point to no blobs here: logs and results are told by `Status` and `ListenBuildHistory`. */
async function noContent(): Promise<void> {
  throw new EngineError("not-found", "content: not found");
}
