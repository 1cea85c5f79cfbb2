import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Route } from "../route.ts";
import { buildRoutes } from "./build.ts";
import { buildStreamRoutes } from "./build-stream.ts";
import { containerFileRoutes } from "./container-files.ts";
import { containerStreamRoutes } from "./container-streams.ts";
import { containerRoutes } from "./containers.ts";
import { distributionRoutes } from "./distribution.ts";
import { execRoutes } from "./exec.ts";
import { housekeepingRoutes } from "./housekeeping.ts";
import { imageRoutes } from "./images.ts";
import { networkRoutes } from "./networks.ts";
import { missingRoutes } from "./not-implemented.ts";
import { systemRoutes } from "./system.ts";
import { volumeRoutes } from "./volumes.ts";

export interface RouteDeps {
  engine: Engine;
  clock: Clock;
  logger: Logger;
  version: string;
  gitCommit: string;
}

/** Every route of the Engine API; what this engine cannot do yet answers 501. */
export function allRoutes(deps: RouteDeps): Route[] {
  const { engine, clock, logger } = deps;
  return [
    ...systemRoutes(deps),
    ...containerRoutes(engine.containers, clock),
    ...containerStreamRoutes(engine),
    ...containerFileRoutes(engine.containers),
    ...execRoutes(engine),
    ...imageRoutes(engine),
    ...distributionRoutes(engine.distribution),
    ...housekeepingRoutes(deps),
    ...networkRoutes(engine),
    ...volumeRoutes(engine.volumes),
    ...buildRoutes({ builder: engine.builder, clock, logger, version: deps.version }),
    ...buildStreamRoutes(engine.builder, { logger, version: deps.version }),
    ...missingRoutes(),
  ];
}
