import type { VolumeSpec, Volumes } from "../../volumes/volumes.ts";
import type { WireVolumeList, WireVolumesPruned } from "../../wire/volumes.ts";
import { Fields } from "../fields.ts";
import { filters } from "../filters.ts";
import { flag } from "../query.ts";
import { type Route, route } from "../route.ts";
import { atLeast } from "../version.ts";
import { encodeVolume } from "../volumes/encode-volume.ts";

export function volumeRoutes(volumes: Volumes): Route[] {
  return [
    route("GET", "/volumes", async ({ query }) => {
      const found = await volumes.list(filters(query, "volumes"));
      const body: WireVolumeList = {
        Volumes: found.volumes.map(encodeVolume),
        Warnings: found.warnings.length > 0 ? found.warnings : null,
      };
      return { status: 200, body };
    }),
    route("POST", "/volumes/create", async (request) => {
      const volume = await volumes.create(decodeVolume(await request.json()));
      return { status: 201, body: encodeVolume(volume) };
    }),
    route(
      "POST",
      "/volumes/prune",
      async ({ query, version }) => {
        const given = filters(query, "volumesPrune");
        // Before 1.42 named volumes were pruned too.
        const pruned = await volumes.prune(atLeast(version, 42) ? given : { ...given, all: ["true"] });
        const body: WireVolumesPruned = { VolumesDeleted: pruned.removed, SpaceReclaimed: pruned.reclaimedBytes };
        return { status: 200, body };
      },
      25,
    ),
    route("GET", "/volumes/{name}", async ({ params }) => ({
      status: 200,
      body: encodeVolume(await volumes.get(params.name)),
    })),
    route("DELETE", "/volumes/{name}", async ({ params, query }) => {
      await volumes.remove(params.name, { force: flag(query, "force") });
      return { status: 204 };
    }),
  ];
}

function decodeVolume(body: unknown): VolumeSpec {
  const fields = new Fields(body, "CreateOptions");
  return {
    name: fields.string("Name"),
    driver: fields.string("Driver"),
    labels: fields.stringMap("Labels"),
    options: fields.stringMap("DriverOpts"),
  };
}
