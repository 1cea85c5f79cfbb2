import { createSystemClock } from "../base/clock.ts";
import { randomId } from "../base/ids.ts";
import type { Logger } from "../base/logger.ts";
import { createBuildCache } from "../builder/solver/build-cache.ts";
import { createContainers } from "../containers/create-containers.ts";
import type { ContainersDeps } from "../containers/deps.ts";
import { createDistribution, type DistributionDeps, type DistributionService } from "../images/create-distribution.ts";
import { createImages } from "../images/create-images.ts";
import { createUnfinishedPulls } from "../images/pull/unfinished-pulls.ts";
import { createNetworks } from "../networks/create-networks.ts";
import { enableFastMigration } from "../runtime/cgroups/fast-migration.ts";
import { gatherHostFacts } from "../runtime/host-facts.ts";
import { createLauncher } from "../runtime/launcher/create-launcher.ts";
import type { HostFacts } from "../runtime/plan/plan-input.ts";
import { createContent } from "../storage/content/content-store.ts";
import { createHousekeeper } from "../storage/snapshots/housekeeper.ts";
import { createOverlaySnapshots } from "../storage/snapshots/overlay.ts";
import { createVolumes } from "../volumes/create-volumes.ts";
import { engineId, prepareDataRoot, prepareExecRoot } from "./boot.ts";
import { containerDefaults } from "./container-defaults.ts";
import type { DaemonConfig } from "./daemon-config.ts";
import { createDisk } from "./create-disk.ts";
import type { Engine } from "./engine.ts";
import { createEventBus, type Publish } from "./event-bus.ts";
import { createFailpoint } from "./failpoints.ts";
import { hostAccess } from "./host-access.ts";
import { hostWarnings } from "./host-report.ts";
import { openBuilder } from "./open-builder.ts";
import { openRecords } from "./open-records.ts";
import { createPlanner, createTaskCgroups } from "./planner.ts";
import { createSystem } from "./system-info.ts";

export interface EngineOptions {
  config: DaemonConfig;
  logger: Logger;
  /** The launcher program; default: the one built in this checkout or shipped beside the bundle. */
  launcherPath: string;
  /** Of this program, `0.1.0`: as registries see us. */
  version: string;
}

/**
 * Makes every service, in the order in which they need one another, and brings the records into agreement with what runs. The
 * result is a whole engine in this process; it owns `config.dataRoot` until `close`.
 */
export async function createEngine({ config, logger, launcherPath, version }: EngineOptions): Promise<Engine> {
  const { dataRoot, execRoot } = config;
  prepareDataRoot(dataRoot);
  const bootId = prepareExecRoot(execRoot);
  const clock = createSystemClock();
  const failpoint = createFailpoint(process.env["GANTRY_FAILPOINT"]);
  const host = gatherHostFacts(config.cgroupParent);
  if (!enableFastMigration(host, `${execRoot}/cgroup`))
    logger.warn("this kernel makes cgroup moves slow: starts take longer");
  const events = createEventBus(clock);
  const publish: Publish = (event) => {
    events.publish(event);
    if (event.type === "image" && event.action === "delete") keeper.imageRemoved();
  };
  const common = { publish, clock, logger };
  const storage = openStorage(dataRoot, bootId, logger);
  const { records, content, snapshots, housekeeper } = storage;
  const launcher = await createLauncher({ runDir: `${execRoot}/launchers`, binaryPath: launcherPath, logger });
  const networks = createNetworks({ records: records.networks, options: config, clock, log: logger });
  const usage = (directory: string) => housekeeper.usage(directory);
  const volumes = createVolumes({ ...common, records: records.volumes, root: `${dataRoot}/volumes`, usage, randomId });
  const unfinished = createUnfinishedPulls({ records: records.unfinishedPulls, clock });
  const cache = createBuildCache({ records: records.buildCache, snapshots, clock, logger });
  const usedBy = (imageId: string) => containers.usersOfImage(imageId);
  const imageParts = { ...common, content, snapshots, unfinished, failpoint };
  const images = await createImages({
    ...imageParts,
    records: records.images,
    usedBy,
    roots: () => cache.roots(),
    cachedLayers: () => keeper.ownLayers(),
  });
  const machinery = { ...common, config, host, bootId, images, networks, snapshots, launcher, failpoint };
  const containers = openContainers({ ...machinery, volumes, records: records.containers });
  const system = openSystem({ config, host, logger, containers, images, events });
  await containers.recover();
  const distribution = openDistribution({ ...imageParts, images }, config, version);
  const { builder, keeper } = await openBuilder({ ...machinery, content, housekeeper, distribution, cache });
  const cacheRecords = (chainId: string) => keeper.recordsOf(chainId);
  const diskParts = { dataRoot, execRoot, ...storage, images, containers, volumes, builder, usedBy, cacheRecords };
  const disk = createDisk(diskParts);
  const close = async () => {
    await builder.close();
    containers.close();
    await networks.close();
    launcher.close();
    await Promise.all([snapshots.close(), housekeeper.close()]);
    records.close();
  };
  return { containers, images, builder, distribution, networks, volumes, events, system, disk, close };
}

function openStorage(dataRoot: string, bootId: string, logger: Logger) {
  return {
    records: openRecords(dataRoot),
    content: createContent({ root: `${dataRoot}/content` }),
    snapshots: createOverlaySnapshots({ root: `${dataRoot}/snapshots`, bootId, logger }),
    housekeeper: createHousekeeper(),
  };
}

interface ContainerParts
  extends Pick<
    ContainersDeps,
    | "records"
    | "images"
    | "networks"
    | "volumes"
    | "snapshots"
    | "launcher"
    | "host"
    | "bootId"
    | "publish"
    | "clock"
    | "logger"
    | "failpoint"
  > {
  images: Awaited<ReturnType<typeof createImages>>;
  config: DaemonConfig;
}

function openContainers({ config, ...parts }: ContainerParts): ReturnType<typeof createContainers> {
  return createContainers({
    ...parts,
    copyUp: (key, path, target) => parts.images.copyUp(key, path, target),
    planner: createPlanner(parts.host),
    cgroups: createTaskCgroups(parts.host),
    randomId,
    ...hostAccess(),
    paths: { containers: `${config.dataRoot}/containers`, rootMountPoint: `${config.execRoot}/rootfs` },
    defaults: containerDefaults(config),
  });
}

function openDistribution(
  parts: Omit<DistributionDeps, "hosts" | "limits" | "userAgent">,
  config: DaemonConfig,
  version: string,
): DistributionService {
  const limits = {
    downloads: config.maxConcurrentDownloads,
    uploads: config.maxConcurrentUploads,
    downloadAttempts: config.maxDownloadAttempts,
    stallMs: config.registryStallSeconds * 1000,
  };
  return createDistribution({ ...parts, hosts: config, limits, userAgent: `gantry/${version}` });
}

interface SystemParts extends Pick<EngineOptions, "config" | "logger"> {
  host: HostFacts;
  containers: ReturnType<typeof createContainers>;
  images: Awaited<ReturnType<typeof createImages>>;
  events: ReturnType<typeof createEventBus>;
}

/** What `info` shows; what is wrong with the host is logged once. */
function openSystem({ config, host, logger, containers, images, events }: SystemParts): Engine["system"] {
  const warnings = hostWarnings(host);
  for (const warning of warnings) logger.warn(warning);
  return createSystem({
    id: engineId(config.dataRoot),
    host,
    config,
    hostWarnings: warnings,
    counts: async () => ({ ...containers.counts(), images: (await images.list({ all: false, filters: {} })).length }),
    eventListeners: () => events.subscriberCount,
  });
}
