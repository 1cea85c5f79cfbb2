import { EngineError } from "../../base/errors.ts";
import { type Method, type Route, route } from "../route.ts";

/** Endpoints of the Engine API that this engine cannot serve yet: method, path, what it would do, lowest API minor. */
const MISSING: [method: Method, path: string, what: string, since?: number][] = [
  ["GET", "/containers/{id}/stats", "resource statistics"],
  ["POST", "/containers/{id}/update", "updating a container"],
  ["GET", "/containers/{id}/attach/ws", "attaching by web socket"],
  ["GET", "/containers/{id}/checkpoints", "checkpoints"],
  ["POST", "/containers/{id}/checkpoints", "checkpoints"],
  ["DELETE", "/containers/{id}/checkpoints/{checkpoint}", "checkpoints"],
  ["GET", "/images/{name}/attestations", "attestations", 55],
  ["POST", "/networks/create", "creating networks"],
  ["POST", "/networks/{id}/connect", "connecting to networks"],
  ["POST", "/networks/{id}/disconnect", "disconnecting from networks"],
  ["PUT", "/volumes/{name}", "updating cluster volumes", 42],
  ["GET", "/plugins/privileges", "plugins"],
  ["POST", "/plugins/pull", "plugins"],
  ["POST", "/plugins/create", "plugins"],
];

/** Docker outside of a swarm answers these with 503 in the same words; clients act upon them. */
const CLUSTER: [method: Method, path: string, since?: number][] = [
  ["GET", "/swarm"],
  ["POST", "/swarm/leave"],
  ["POST", "/swarm/update"],
  ["GET", "/swarm/unlockkey"],
  ["POST", "/swarm/unlock"],
  ...nounRoutes("nodes", ["list", "get", "remove", "update"]),
  ...nounRoutes("services", ["list", "create", "get", "remove", "update", "logs"]),
  ...nounRoutes("tasks", ["list", "get", "logs"]),
  ...nounRoutes("secrets", ["list", "create", "get", "remove", "update"], 25),
  ...nounRoutes("configs", ["list", "create", "get", "remove", "update"], 30),
];

type Verb = "list" | "get" | "create" | "remove" | "update" | "logs";

function nounRoutes(noun: string, verbs: Verb[], since = 0): [Method, string, number][] {
  const table: Record<Verb, [Method, string]> = {
    list: ["GET", `/${noun}`],
    get: ["GET", `/${noun}/{id}`],
    create: ["POST", `/${noun}/create`],
    remove: ["DELETE", `/${noun}/{id}`],
    update: ["POST", `/${noun}/{id}/update`],
    logs: ["GET", `/${noun}/{id}/logs`],
  };
  return verbs.map((verb) => [...table[verb], since]);
}

export function missingRoutes(): Route[] {
  return [
    ...MISSING.map(([method, path, what, since]) =>
      route(
        method,
        path,
        () => {
          throw new EngineError("not-implemented", `${what} is not implemented by this engine yet`);
        },
        since,
      ),
    ),
    ...CLUSTER.map(([method, path, since]) => route(method, path, notInSwarm, since)),
    ...["/swarm/init", "/swarm/join"].map((path) =>
      route("POST", path, () => {
        throw new EngineError("not-implemented", "swarm mode is not implemented by this engine yet");
      }),
    ),
    ...pluginRoutes(),
  ];
}

/** None can be installed: the list is empty, and none of any name is there. `docker inspect` asks after it has asked all else. */
function pluginRoutes(): Route[] {
  const missing = ({ params }: { params: { name: string } }) => {
    throw new EngineError("not-found", `plugin "${params.name}" not found`);
  };
  return [
    route("GET", "/plugins", () => ({ status: 200, body: [] })),
    route("GET", "/plugins/{name}/json", missing),
    route("DELETE", "/plugins/{name}", missing),
    route("POST", "/plugins/{name}/enable", missing),
    route("POST", "/plugins/{name}/disable", missing),
    route("POST", "/plugins/{name}/upgrade", missing, 26),
    route("POST", "/plugins/{name}/push", missing),
    route("POST", "/plugins/{name}/set", missing),
  ];
}

function notInSwarm(): never {
  throw new EngineError(
    "unavailable",
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
  );
}
