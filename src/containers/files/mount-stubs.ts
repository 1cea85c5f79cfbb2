import type { PackJob } from "../../storage/snapshots/pack/pack.ts";
import type { Core } from "../core.ts";
import type { Entry } from "../entry.ts";

/**
 * Mount points that a start makes where the image has none. Docker has a layer of its own for them, between image and container,
 * so that they are no changes of the container's. @see moby daemon/initlayer `Setup`
 */
const STUBS = [
  "dev",
  "dev/console",
  "dev/pts",
  "dev/shm",
  "etc",
  "etc/hostname",
  "etc/hosts",
  "etc/resolv.conf",
  "proc",
  "sys",
];

/** What the container changed of its image. */
export function layerJob({ deps }: Core, entry: Entry, kind: "changes" | "layer"): PackJob {
  return { kind, ...deps.snapshots.directories(entry.id), stubs: STUBS };
}
