import { messageOf } from "../../base/errors.ts";
import type { EngineEvent } from "../../engine/event-bus.ts";
import { encodeLine } from "../../wire/json-stream.ts";
import { eventsContentType, type JsonStreamType } from "../content-types.ts";
import { filters } from "../filters.ts";
import { momentNs } from "../query.ts";
import { type Route, route, type ValueReply } from "../route.ts";
import { encodeEventLine } from "../system/encode-event.ts";
import { encodeInfo, encodeVersion } from "../system/encode-info.ts";
import type { RouteDeps } from "./all.ts";

const NO_CACHE = { "Cache-Control": "no-cache, no-store, must-revalidate", Pragma: "no-cache" };
/** Builder-Version: what clients build with unless they are told otherwise, `2` for BuildKit, `1` for the classic protocol. */
const PING = { ...NO_CACHE, "Builder-Version": "2", Swarm: "inactive", "Content-Type": "text/plain; charset=utf-8" };

export function systemRoutes({ engine, clock, version: serverVersion, gitCommit }: RouteDeps): Route[] {
  const build = { version: serverVersion, gitCommit };
  return [
    route("GET", "/_ping", (): ValueReply => ({ status: 200, body: "OK", headers: PING })),
    route("HEAD", "/_ping", (): ValueReply => ({ status: 200, headers: PING })),
    route("OPTIONS", "/{any}", () => ({ status: 200 })),
    route("GET", "/info", async ({ version }) => ({
      status: 200,
      body: encodeInfo(await engine.system.info(), build, version, clock.now()),
    })),
    route("GET", "/version", async () => ({ status: 200, body: encodeVersion(await engine.system.info(), build) })),
    route("GET", "/events", (request) => {
      const { query, version, signal } = request;
      const sinceNs = momentNs(query, "since");
      const untilNs = momentNs(query, "until");
      const events = engine.events.subscribe({
        ...(sinceNs === undefined ? {} : { sinceNs }),
        ...(untilNs === undefined ? {} : { untilNs }),
        filters: filters(query, "events"),
        signal,
      });
      const contentType = eventsContentType(request.header("accept"), version);
      return {
        stream: encodeEvents(events, contentType, version),
        contentType,
        onError: (error) => encodeLine({ message: messageOf(error) }),
      };
    }),
  ];
}

async function* encodeEvents(
  events: AsyncIterable<EngineEvent>,
  type: JsonStreamType,
  version: number,
): AsyncGenerator<Uint8Array> {
  for await (const event of events) yield encodeEventLine(event, type, version);
}
