import type { Volume } from "../../volumes/volumes.ts";
import type { WireVolume } from "../../wire/volumes.ts";
import { formatTime } from "../time.ts";

export function encodeVolume(volume: Volume): WireVolume {
  return {
    CreatedAt: formatTime(volume.createdAt),
    Driver: volume.driver,
    Labels: orNull(volume.labels),
    Mountpoint: volume.mountpoint,
    Name: volume.name,
    Options: orNull(volume.options),
    Scope: volume.scope,
  };
}

function orNull(map: Record<string, string>): Record<string, string> | null {
  return Object.keys(map).length > 0 ? map : null;
}
