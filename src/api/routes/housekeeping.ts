import type { Engine } from "../../engine/engine.ts";
import type { WireImagesPruned } from "../../wire/images.ts";
import type { WireBuildPruned } from "../../wire/system.ts";
import { filters } from "../filters.ts";
import { encodeRemoved } from "../images/encode-removed.ts";
import { type Route, route } from "../route.ts";

/** What takes space, and giving it back. */
export function housekeepingRoutes({ images, events }: Engine): Route[] {
  return [
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
    // Until there is a builder there is no cache: pruning it is done at once, and `system prune` counts on an answer.
    route(
      "POST",
      "/build/prune",
      ({ query }) => {
        filters(query, "buildPrune");
        events.publish({ type: "builder", action: "prune", actorId: "", attributes: { reclaimed: "0" } });
        const body: WireBuildPruned = { CachesDeleted: [], SpaceReclaimed: 0 };
        return { status: 200, body };
      },
      31,
    ),
  ];
}
