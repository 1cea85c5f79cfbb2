import type { Clock } from "../../base/clock.ts";
import { invalid } from "../../base/errors.ts";
import type { Containers } from "../../containers/containers.ts";
import type { WireContainerCreated, WireContainersPruned, WireTop } from "../../wire/containers.ts";
import { decodeContainerSpec } from "../containers/decode-spec.ts";
import { encodeInspect, encodeSummary } from "../containers/encode-container.ts";
import { filters } from "../filters.ts";
import { flag, integer, terminalSize } from "../query.ts";
import { type Route, route } from "../route.ts";

/** One request, one answer; streams are in `container-streams.ts`. */
export function containerRoutes(containers: Containers, clock: Clock): Route[] {
  return [
    route("GET", "/containers/json", async ({ query, version }) => {
      const limit = integer(query, "limit") ?? 0;
      const size = flag(query, "size");
      const wanted = filters(query, "containers");
      const found = await containers.list({
        all: flag(query, "all"),
        limit: Math.max(0, limit),
        size,
        filters: wanted,
      });
      const now = clock.now();
      return { status: 200, body: found.map((container) => encodeSummary(container, version, now)) };
    }),
    route("POST", "/containers/create", async (request) => {
      const { query } = request;
      const names = { name: query.get("name") ?? "", platform: query.get("platform") ?? "" };
      const spec = decodeContainerSpec(await request.json(), names);
      const { id, warnings } = await containers.create(spec);
      const body: WireContainerCreated = { Id: id, Warnings: warnings };
      return { status: 201, body };
    }),
    route("GET", "/containers/{id}/json", async ({ params, query, version }) => ({
      status: 200,
      body: encodeInspect(await containers.get(params.id, { size: flag(query, "size") }), version),
    })),
    route("DELETE", "/containers/{id}", async ({ params, query }) => {
      const options = { force: flag(query, "force"), volumes: flag(query, "v"), link: flag(query, "link") };
      await containers.remove(params.id, options);
      return { status: 204 };
    }),
    route(
      "POST",
      "/containers/prune",
      async ({ query }) => {
        const pruned = await containers.prune(filters(query, "containersPrune"));
        const body: WireContainersPruned = { ContainersDeleted: pruned.removed, SpaceReclaimed: pruned.reclaimedBytes };
        return { status: 200, body };
      },
      25,
    ),
    ...lifecycleRoutes(containers),
  ];
}

function lifecycleRoutes(containers: Containers): Route[] {
  return [
    route("POST", "/containers/{id}/start", async ({ params }) => {
      const { changed } = await containers.start(params.id);
      return { status: changed ? 204 : 304 };
    }),
    route("POST", "/containers/{id}/stop", async ({ params, query }) => {
      const { changed } = await containers.stop(params.id, stopOptions(query));
      return { status: changed ? 204 : 304 };
    }),
    route("POST", "/containers/{id}/restart", async ({ params, query }) => {
      await containers.restart(params.id, stopOptions(query));
      return { status: 204 };
    }),
    route("POST", "/containers/{id}/kill", async ({ params, query }) => {
      await containers.kill(params.id, query.get("signal") || "SIGKILL");
      return { status: 204 };
    }),
    route("POST", "/containers/{id}/pause", async ({ params }) => {
      await containers.pause(params.id);
      return { status: 204 };
    }),
    route("POST", "/containers/{id}/unpause", async ({ params }) => {
      await containers.unpause(params.id);
      return { status: 204 };
    }),
    route("POST", "/containers/{id}/rename", async ({ params, query }) => {
      await containers.rename(params.id, query.get("name") ?? "");
      return { status: 204 };
    }),
    route("POST", "/containers/{id}/resize", async ({ params, query }) => {
      const { rows, columns } = terminalSize(query);
      await containers.resize(params.id, rows, columns);
      return { status: 200 };
    }),
    route("GET", "/containers/{id}/top", async ({ params, query }) => {
      const { titles, processes } = await containers.top(params.id, query.get("ps_args") ?? "");
      const body: WireTop = { Titles: titles, Processes: processes };
      return { status: 200, body };
    }),
  ];
}

function stopOptions(query: URLSearchParams): { signal?: string; timeoutSeconds?: number } {
  const timeoutSeconds = integer(query, "t");
  const signal = query.get("signal") ?? "";
  if (timeoutSeconds !== undefined && Math.abs(timeoutSeconds) > 2 ** 31) throw invalid("the time-out is out of range");
  return { ...(signal === "" ? {} : { signal }), ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }) };
}
