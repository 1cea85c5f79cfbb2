import type { WireImagesPruned } from "../../wire/images.ts";
import type { WireBuildPruned, WireExplanation } from "../../wire/system.ts";
import { filters } from "../filters.ts";
import { encodeRemoved } from "../images/encode-removed.ts";
import { progressReply, type Report } from "../progress.ts";
import { flag } from "../query.ts";
import { type Route, route } from "../route.ts";
import { decodeBuildPrune } from "../system/decode-build-prune.ts";
import { encodeCheckReport } from "../system/encode-check.ts";
import { decodeUsageKinds, encodeDiskUsage } from "../system/encode-disk-usage.ts";
import type { RouteDeps } from "./all.ts";

/** Bytes between two lines of progress. */
const PROGRESS_BYTES = 8 << 20;

/** What takes space, and giving it back. */
export function housekeepingRoutes({ engine, clock }: Pick<RouteDeps, "engine" | "clock">): Route[] {
  const { images, builder, disk } = engine;
  return [
    route("GET", "/system/df", async ({ query, version }) => {
      const kinds = decodeUsageKinds(query, version);
      const verbose = query.has("verbose") ? flag(query, "verbose") : undefined;
      const usage = await disk.usage({ kinds, directories: verbose === true });
      return { status: 200, body: encodeDiskUsage(usage, { kinds, version, verbose, now: clock.now() }) };
    }),
    // Not Docker's: which object owns a path of the engine's directories, and what keeps it.
    route("GET", "/gantry/system/why", async ({ query }) => {
      const { path, object, keptBy } = await disk.why(query.get("path") ?? "");
      const body: WireExplanation = {
        Path: path,
        Object: { Kind: object.kind, Id: object.id },
        KeptBy: keptBy.map(({ kind, id, names }) => ({ Kind: kind, Id: id, Names: names })),
      };
      return { status: 200, body };
    }),
    // Not Docker's: everything that the engine keeps against its records; with `repair`, mended.
    route("POST", "/gantry/system/check", ({ query, signal }) =>
      progressReply(async (report) => {
        const progress = checkProgress(report);
        report({ aux: encodeCheckReport(await disk.check({ repair: flag(query, "repair"), progress, signal })) });
      }),
    ),
    route(
      "POST",
      "/images/prune",
      async ({ query }) => {
        const { removed, reclaimedBytes } = await images.prune(filters(query, "imagesPrune"));
        const body: WireImagesPruned = {
          ImagesDeleted: removed.length === 0 ? null : removed.map(encodeRemoved),
          SpaceReclaimed: reclaimedBytes,
        };
        return { status: 200, body };
      },
      25,
    ),
    route(
      "POST",
      "/build/prune",
      async ({ query }) => {
        const { removed, reclaimedBytes } = await builder.prune(decodeBuildPrune(query));
        const body: WireBuildPruned = { CachesDeleted: removed.map(({ id }) => id), SpaceReclaimed: reclaimedBytes };
        return { status: 200, body };
      },
      31,
    ),
  ];
}

function checkProgress(report: Report): (currentBytes: number, totalBytes: number) => void {
  let toldBytes = Number.NEGATIVE_INFINITY;
  return (current, total) => {
    if (current - toldBytes < PROGRESS_BYTES && current < total) return;
    toldBytes = current;
    report({ id: "blobs", status: "Verifying", current, total });
  };
}
