import { type CheckDeps, checkStore } from "./check/check-store.ts";
import { type DiskUsageDeps, diskUsage } from "./disk-usage.ts";
import type { DiskService } from "./engine.ts";
import { explainPath, type WhyDeps } from "./why.ts";

/** What the engine takes of the disk, and whether it is sound. */
export function createDisk(deps: DiskUsageDeps & WhyDeps & CheckDeps): DiskService {
  return {
    usage: (wanted) => diskUsage(deps, wanted),
    check: (options) => checkStore(deps, options),
    why: (path) => explainPath(deps, path),
  };
}
