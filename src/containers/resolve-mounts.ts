import { existsSync, mkdirSync, statSync } from "node:fs";
import { messageOf, notFound } from "../base/errors.ts";
import { localMount } from "../volumes/local-mount.ts";
import type { ContainerIndex } from "./container-index.ts";
import type { ContainerSpec } from "./container-spec.ts";
import type { ContainersDeps } from "./deps.ts";
import {
  bindSourceError,
  type InheritedMounts,
  type PlannedMount,
  parseVolumesFrom,
  planMounts,
} from "./plan-mounts.ts";
import type { StoredMount } from "./record.ts";

/** Decides the mounts and checks what they need, without changing anything. */
export function checkMounts(spec: ContainerSpec, index: ContainerIndex): PlannedMount[] {
  const planned = planMounts(
    spec,
    spec.volumesFrom.map((text) => inheritedMounts(text, index)),
  );
  for (const { mount, mustExist } of planned) {
    if (!mustExist) continue;
    try {
      statSync(mount.source);
    } catch (error) {
      throw bindSourceError(mount.source, error);
    }
  }
  return planned;
}

function inheritedMounts(text: string, index: ContainerIndex): InheritedMounts {
  const { reference, readOnly } = parseVolumesFrom(text);
  const source = index.tryFind(reference);
  if (source === undefined) throw notFound("container", reference);
  return { mounts: source.definition.mounts, readOnly };
}

/** Anonymous volumes get their names before they are made, so that the record can name them first. */
export function nameAnonymousVolumes(planned: PlannedMount[], randomId: () => string): PlannedMount[] {
  return planned.map((one) =>
    one.mount.type === "volume" && one.mount.name === "" ? { ...one, mount: { ...one.mount, name: randomId() } } : one,
  );
}

/**
 * Makes the volumes that do not exist yet and holds all of them for the container. The result has their paths. On failure the
 * caller releases with `releaseMounts`.
 */
export async function openVolumes(
  planned: PlannedMount[],
  containerId: string,
  volumes: ContainersDeps["volumes"],
): Promise<PlannedMount[]> {
  const opened: PlannedMount[] = [];
  for (const one of planned) {
    const { mount } = one;
    if (mount.type !== "volume" || one.volume === undefined) {
      opened.push(one);
      continue;
    }
    const volume = await volumes.create({ name: mount.name, anonymous: mount.anonymous, ...one.volume });
    volumes.hold(volume.name, containerId);
    const { options } = volume;
    const isMount = localMount(options) !== undefined;
    opened.push({
      ...one,
      // Nothing on the host to copy to: such a volume is mounted in the container alone.
      copyUp: one.copyUp && !isMount,
      mount: {
        ...mount,
        name: volume.name,
        driver: volume.driver,
        source: volume.mountpoint,
        ...(isMount ? { volumeOptions: options } : {}),
      },
    });
  }
  return opened;
}

/** Copies what the image has at each mount point into volumes that ask for it. Volumes that are not empty are left alone. */
export async function fillVolumes(
  opened: PlannedMount[],
  snapshotKey: string,
  copyUp: ContainersDeps["copyUp"],
): Promise<void> {
  for (const { mount, copyUp: wanted } of opened) {
    if (mount.type === "volume" && wanted) await copyUp(snapshotKey, mount.destination, mount.source);
  }
}

/** The opposite of `openVolumes`. `discardAnonymous`: `rm -v`, `--rm` and a creation that failed. */
export async function releaseMounts(
  mounts: StoredMount[],
  containerId: string,
  deps: Pick<ContainersDeps, "volumes" | "logger">,
  options: { discardAnonymous: boolean },
): Promise<void> {
  for (const mount of mounts) {
    if (mount.type !== "volume") continue;
    deps.volumes.release(mount.name, containerId);
    if (!mount.anonymous || !options.discardAnonymous) continue;
    try {
      await deps.volumes.discard(mount.name);
    } catch (error) {
      deps.logger.warn("removing an anonymous volume", { volume: mount.name, error: messageOf(error) });
    }
  }
}

/** Missing sources of `-v` binds are made as directories, at each start, as Docker does. */
export function createBindSources(mounts: StoredMount[]): void {
  for (const mount of mounts) {
    if (mount.type === "bind" && mount.createSource && !existsSync(mount.source)) {
      mkdirSync(mount.source, { recursive: true, mode: 0o755 });
    }
  }
}
