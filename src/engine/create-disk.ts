import { type DiskUsageDeps, diskUsage } from "./disk-usage.ts";
import type { DiskService } from "./engine.ts";
import { explainPath, type WhyDeps } from "./why.ts";

/** What the engine takes of the disk. */
export function createDisk(deps: DiskUsageDeps & WhyDeps): DiskService {
  return {
    usage: (wanted) => diskUsage(deps, wanted),
    why: (path) => explainPath(deps, path),
  };
}
