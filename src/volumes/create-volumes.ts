import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { Clock } from "../base/clock.ts";
import { conflict, EngineError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { VolumeRecords, VolumeRow } from "../storage/records/volumes.ts";
import { validateVolumeOptions } from "./local-mount.ts";
import { isPrunable, matchesVolume, validateVolumeFilters } from "./volume-filters.ts";
import { validateVolumeDriver, validateVolumeName } from "./volume-names.ts";
import type { Volume, VolumeSpec, Volumes } from "./volumes.ts";

export interface VolumesDeps {
  records: VolumeRecords;
  /** `<data root>/volumes`; exists. */
  root: string;
  /** Bytes on disk below a directory, without leaving it. */
  usage: (directory: string) => Promise<number>;
  publish: (event: { type: "volume"; action: string; actorId: string; attributes: Record<string, string> }) => void;
  clock: Clock;
  logger: Logger;
  randomId: () => string;
}

/** Prefix of what is being deleted: no volume name begins with a dot. */
const DOOMED = ".removing-";

/**
 * Volumes of the `local` driver. A volume exists when its record does: the directory is made before and taken away after it, so
 * a daemon that is killed in between leaves a directory at most, which the next one sweeps.
 */
export function createVolumes(deps: VolumesDeps): Volumes {
  const { records, root } = deps;
  const volumes = new Map(records.all().map((row) => [row.name, volumeOf(row, root)]));
  const holders = new Map<string, Set<string>>();
  sweep(deps, volumes);

  const isHeld = (name: string) => (holders.get(name)?.size ?? 0) > 0;

  function find(name: string): Volume {
    const volume = volumes.get(name);
    if (volume === undefined) throw new EngineError("not-found", `get ${name}: no such volume`);
    return volume;
  }

  function make(spec: VolumeSpec): Volume {
    const isAnonymous = spec.anonymous ?? spec.name === "";
    const name = spec.name || deps.randomId();
    const known = volumes.get(name);
    if (known !== undefined) return known;
    validateVolumeName(name);
    validateVolumeDriver(name, spec.driver);
    validateVolumeOptions(name, spec.options);
    const row: VolumeRow = {
      name,
      driver: "local",
      createdAtMs: deps.clock.now().getTime(),
      labels: spec.labels,
      options: spec.options,
      anonymous: isAnonymous,
    };
    const volume = volumeOf(row, root);
    makeDirectory(volume.mountpoint);
    try {
      records.insert(row);
    } catch (error) {
      rmSync(`${root}/${name}`, { recursive: true, force: true });
      throw error;
    }
    volumes.set(name, volume);
    publish(volume, "create");
    return volume;
  }

  function publish(volume: Volume, action: string): void {
    deps.publish({ type: "volume", action, actorId: volume.name, attributes: { driver: volume.driver } });
  }

  /** The record goes first, and with it the name, in this turn; what is left of the directory then belongs to nobody. */
  async function take(volume: Volume): Promise<void> {
    records.delete(volume.name);
    volumes.delete(volume.name);
    const doomed = `${root}/${DOOMED}${deps.randomId()}`;
    try {
      renameSync(`${root}/${volume.name}`, doomed);
    } catch (error) {
      if (existsSync(`${root}/${volume.name}`))
        deps.logger.warn("removing a volume's files", { error: messageOf(error) });
    }
    publish(volume, "destroy");
    // A million files take their time: away from the event loop.
    await rm(doomed, { recursive: true, force: true }).catch((error: unknown) =>
      deps.logger.warn("removing a volume's files", { error: messageOf(error) }),
    );
  }

  return {
    create: async (spec) => make(spec),
    get: async (name) => find(name),
    async list(filters) {
      validateVolumeFilters(filters, "list");
      const found = [...volumes.values()].filter((volume) => matchesVolume(volume, filters, isHeld(volume.name)));
      return { volumes: found.sort((a, b) => (a.name < b.name ? -1 : 1)), warnings: [] };
    },
    async remove(name, { force }) {
      const volume = volumes.get(name);
      if (volume === undefined && force) return;
      const found = volume ?? find(name);
      if (isHeld(name))
        throw conflict(`remove ${name}: volume is in use - [${[...(holders.get(name) ?? [])].join(", ")}]`);
      await take(found);
    },
    async prune(filters) {
      validateVolumeFilters(filters, "prune");
      const removed: string[] = [];
      let reclaimedBytes = 0;
      for (const volume of volumes.values()) {
        if (!isPrunable(volume, filters) || isHeld(volume.name)) continue;
        const bytes = await deps.usage(volume.mountpoint).catch(() => 0);
        // Taken into use while its size was counted.
        if (isHeld(volume.name) || !volumes.has(volume.name)) continue;
        await take(volume);
        removed.push(volume.name);
        reclaimedBytes += bytes;
      }
      const attributes = { reclaimed: String(reclaimedBytes) };
      deps.publish({ type: "volume", action: "prune", actorId: "", attributes });
      return { removed, reclaimedBytes };
    },
    holders: (name) => [...(holders.get(name) ?? [])],
    hold(name, containerId) {
      const own = holders.get(name) ?? new Set();
      own.add(containerId);
      holders.set(name, own);
    },
    release(name, containerId) {
      const own = holders.get(name);
      own?.delete(containerId);
      if (own?.size === 0) holders.delete(name);
    },
    async discard(name) {
      const volume = volumes.get(name);
      if (volume !== undefined && !isHeld(name)) await take(volume);
    },
  };
}

function volumeOf(row: VolumeRow, root: string): Volume {
  return {
    name: row.name,
    driver: row.driver,
    mountpoint: `${root}/${row.name}/_data`,
    createdAt: new Date(row.createdAtMs),
    labels: row.labels,
    options: row.options,
    scope: "local",
    anonymous: row.anonymous,
  };
}

/** The volume itself is its user's business (0755), what is around it the engine's (0701: passing through only). */
function makeDirectory(mountpoint: string): void {
  const parent = mountpoint.slice(0, -"/_data".length);
  mkdirSync(parent, { recursive: true });
  chmodSync(parent, 0o701);
  mkdirSync(mountpoint, { recursive: true });
  chmodSync(mountpoint, 0o755);
}

/** Directories without a record: a creation or removal that was cut short. A record without its directory gets it back. */
function sweep({ root, logger }: VolumesDeps, volumes: Map<string, Volume>): void {
  for (const name of readdirSync(root)) {
    if (volumes.has(name)) continue;
    logger.info("removing what is left of a volume", { directory: name });
    rmSync(`${root}/${name}`, { recursive: true, force: true });
  }
  for (const volume of volumes.values()) {
    if (!existsSync(volume.mountpoint)) makeDirectory(volume.mountpoint);
  }
}
