import { EngineError } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import type { Builder, PruneOptions } from "../../builder/builder.ts";
import { formatPlatform, hostPlatform } from "../../formats/oci/platform.ts";
import type { WireBuilder } from "../../wire/build-messages.ts";
import { encodeLine } from "../../wire/json-stream.ts";
import { encodeEvent, encodeRecord } from "../build-stream/encode-events.ts";
import { type Route, route } from "../route.ts";

const CONTENT_TYPE = "application/vnd.gantry.build.v1+binary";

/** Not Docker's: builds over our own protocol (`wire/build-stream.ts`), and the builds that were. */
export function buildStreamRoutes(
  builder: Builder,
  options: { logger: Logger; version: string; silenceMs?: number },
): Route[] {
  return [
    route("POST", "/gantry/build", () => ({
      upgrade: {
        contentType: CONTENT_TYPE,
        headFirst: false,
        // Loaded with the first build: most daemons start without one.
        open: async () => (await import("../build-stream/serve-build.ts")).serveBuild({ builder, ...options }),
        encodeError: () => new Uint8Array(0),
        detachKeys: new Uint8Array(0),
        onDetach: () => undefined,
      },
    })),
    route("GET", "/gantry/build/builder", () => ({
      status: 200,
      body: {
        Version: options.version,
        Platforms: [formatPlatform(hostPlatform())],
        GcPolicy: builder.gcPolicy().map(encodeRule),
      } satisfies WireBuilder,
    })),
    route("GET", "/gantry/build/history", () => ({ status: 200, body: builder.history().map(encodeRecord) })),
    // All events so far; of a build that runs, those to come, too.
    route("GET", "/gantry/build/history/{ref}/logs", async ({ params, signal }) => {
      const record = builder.history().find(({ ref }) => ref === params.ref);
      if (record === undefined) throw new EngineError("not-found", `no build ${params.ref} in the history`);
      const events =
        record.status === "running" ? (await builder.job(params.ref, signal)).events(signal) : builder.logs(params.ref);
      return { stream: encodedEvents(events), contentType: "application/x-ndjson" };
    }),
    route("DELETE", "/gantry/build/history/{ref}", ({ params }) => {
      builder.forget(params.ref);
      return { status: 204 };
    }),
  ];
}

function encodeRule({ all, filters, keepStorageBytes }: PruneOptions): WireBuilder["GcPolicy"][number] {
  const texts = Object.entries(filters).flatMap(([name, values]) => values.map((value) => `${name}==${value}`));
  return { All: all, Filters: texts, KeepBytes: keepStorageBytes ?? null };
}

async function* encodedEvents(events: ReturnType<Builder["logs"]>): AsyncGenerator<Uint8Array> {
  for await (const event of events) {
    const encoded = encodeEvent(event);
    if (encoded !== undefined) yield encodeLine(encoded);
  }
}
