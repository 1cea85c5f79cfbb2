import { EngineError } from "../base/errors.ts";
import type { StoredMount } from "./record.ts";

/** Where a host path is mounted, and whether mounts spread from there. */
export interface SourceMount {
  mountPoint: string;
  shared: boolean;
  slave: boolean;
}

/**
 * Binds that are to spread mounts need a source from which mounts spread. Throws internal with Docker's texts.
 * @see moby daemon/oci_linux.go `ensureShared`, `ensureSharedOrSlave`
 */
export function checkPropagation(mounts: readonly StoredMount[], sourceMount: (path: string) => SourceMount): void {
  for (const { type, source, propagation } of mounts) {
    if (type !== "bind") continue;
    const wanted = propagation.replace(/^r/, "");
    if (wanted !== "shared" && wanted !== "slave") continue;
    const { mountPoint, shared, slave } = sourceMount(source);
    if (shared || (wanted === "slave" && slave)) continue;
    const missing = wanted === "shared" ? "a shared mount" : "a shared or slave mount";
    throw new EngineError("internal", `path ${source} is mounted on ${mountPoint} but it is not ${missing}`);
  }
}

/** Whether mounts that the container makes go back to the host. */
export function sharesMounts(mounts: readonly StoredMount[]): boolean {
  return mounts.some(({ type, propagation }) => type === "bind" && /^r?shared$/.test(propagation));
}
