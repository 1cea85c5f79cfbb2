import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { cp } from "node:fs/promises";
import { createSystemClock } from "../../src/base/clock.ts";
import { EngineError, notFound } from "../../src/base/errors.ts";
import { randomId } from "../../src/base/ids.ts";
import { createLogger, type Logger } from "../../src/base/logger.ts";
import { type ContainersService, createContainers } from "../../src/containers/create-containers.ts";
import { currentBootId } from "../../src/engine/boot.ts";
import { containerDefaults } from "../../src/engine/container-defaults.ts";
import { resolveDaemonConfig } from "../../src/engine/daemon-config.ts";
import { createFailpoint } from "../../src/engine/failpoints.ts";
import { hostAccess } from "../../src/engine/host-access.ts";
import { createPlanner, createTaskCgroups } from "../../src/engine/planner.ts";
import type { Image } from "../../src/images/images.ts";
import { childCgroups } from "../../src/kernel/cgroup-files.ts";
import type { AttachmentRequest, EndpointState, Network, Sandbox } from "../../src/networks/networks.ts";
import { renderLoopbackMessages } from "../../src/networks/sandbox-messages.ts";
import { removeCgroupTree } from "../../src/runtime/cgroups/cgroup-control.ts";
import { cgroupDirectories } from "../../src/runtime/cgroups/cgroup-operations.ts";
import { gatherHostFacts } from "../../src/runtime/host-facts.ts";
import { createLauncher } from "../../src/runtime/launcher/create-launcher.ts";
import { containerMigrations, createContainerRecords } from "../../src/storage/records/containers.ts";
import { openDatabase } from "../../src/storage/records/database.ts";
import { createVolumeRecords, volumeMigrations } from "../../src/storage/records/volumes.ts";
import { createOverlaySnapshots } from "../../src/storage/snapshots/overlay.ts";
import type { Snapshots } from "../../src/storage/snapshots/snapshots.ts";
import { createVolumes } from "../../src/volumes/create-volumes.ts";
import type { Volumes } from "../../src/volumes/volumes.ts";
import { busyboxRoot } from "../fixtures/busybox-image.ts";

export const CHAIN_ID = "sha256:test-busybox";
const IMAGE_ID = `sha256:${"1".repeat(64)}`;

const PREDEFINED_NETWORKS = new Set(["bridge", "host", "none"]);

export interface TestEvent {
  action: string;
  id: string;
  attributes: Record<string, string>;
}

/** The containers on the real kernel, with everything below them but networks, in directories of their own. */
export interface TestContainers {
  containers: ContainersService;
  volumes: Volumes;
  events: TestEvent[];
  /** Endpoints that are attached now. */
  endpoints: Map<string, EndpointState>;
  close(): Promise<void>;
}

/** `directory` is made if missing and may hold what an earlier one left. The caller removes it. */
export async function openTestContainers(
  directory: string,
  imageConfig: Partial<Image["config"]> = {},
): Promise<TestContainers> {
  for (const name of ["data/snapshots", "data/volumes", "data/containers", "data/records", "run/rootfs"]) {
    mkdirSync(`${directory}/${name}`, { recursive: true });
  }
  const logger = testLogger();
  const events: TestEvent[] = [];
  const publish = (event: { action: string; actorId: string; attributes: Record<string, string> }) =>
    void events.push({ action: event.action, id: event.actorId, attributes: event.attributes });
  const records = `${directory}/data/records`;
  const containerDatabase = openDatabase(`${records}/containers.db`, containerMigrations, { durable: false });
  const volumeDatabase = openDatabase(`${records}/volumes.db`, volumeMigrations, { durable: true });
  const shared = { publish, clock: createSystemClock(), logger, randomId };
  const volumes = createVolumes({
    ...shared,
    records: createVolumeRecords(volumeDatabase),
    root: `${directory}/data/volumes`,
    usage: async () => 0,
  });
  const snapshots = await openSnapshots(`${directory}/data/snapshots`, logger);
  const launcher = await createLauncher({
    runDir: `${directory}/run/launchers`,
    binaryPath: new URL("../../build/launcher", import.meta.url).pathname,
    logger,
  });
  const endpoints = new Map<string, EndpointState>();
  const containers = createContainers({
    ...shared,
    ...hostDependencies(directory),
    records: createContainerRecords(containerDatabase),
    images: {
      get: async (reference) => testImage(reference, imageConfig),
      commit: () => Promise.reject(new Error("there are no images to commit to")),
      release: () => {},
    },
    networks: testNetworks(endpoints),
    volumes,
    snapshots,
    copyUp: async () => {},
    launcher,
  });
  return {
    containers,
    volumes,
    events,
    endpoints,
    async close() {
      containers.close();
      launcher.close();
      await snapshots.close();
      containerDatabase.close();
      volumeDatabase.close();
    },
  };
}

/** A store whose only layer is a busybox root. */
async function openSnapshots(root: string, logger: Logger): Promise<Snapshots> {
  const snapshots = createOverlaySnapshots({ root, bootId: "test", logger });
  if (!snapshots.has(CHAIN_ID)) {
    const layer = await snapshots.stage();
    await cp(await busyboxRoot(), layer.path, { recursive: true });
    await layer.commit({ chainId: CHAIN_ID, parent: undefined, sizeBytes: 1 });
  }
  return snapshots;
}

/** What the containers need of this host and of the directory. */
function hostDependencies(directory: string) {
  const cgroupParent = cgroupParentOf(directory);
  const host = gatherHostFacts(cgroupParent);
  return {
    host,
    planner: createPlanner(host),
    cgroups: createTaskCgroups(host),
    bootId: currentBootId(),
    ...hostAccess(),
    paths: { containers: `${directory}/data/containers`, rootMountPoint: `${directory}/run/rootfs` },
    defaults: containerDefaults({ ...resolveDaemonConfig(new Map(), {}), cgroupParent }),
    failpoint: createFailpoint(process.env.GANTRY_FAILPOINT),
  };
}

/** Takes away all that a test directory has caused: containers by force, cgroups, the directory. */
export async function removeTerritory(directory: string, system: TestContainers): Promise<void> {
  for (const { id } of await system.containers.list({ all: true, limit: 0, size: false, filters: {} })) {
    await system.containers.remove(id, { force: true, volumes: true, link: false });
  }
  await system.close();
  removeCgroupTree(gatherHostFacts(cgroupParentOf(directory)).cgroup, cgroupParentOf(directory));
  rmSync(directory, { recursive: true, force: true });
}

/** What containers that are gone have left behind; to be asked when there are none. */
export function leftovers(directory: string): string[] {
  const found = ["data/containers", "data/snapshots/active", "data/volumes", "run/launchers"].flatMap((name) =>
    readdirSync(`${directory}/${name}`).map((entry) => `${name}/${entry}`),
  );
  const { cgroup } = gatherHostFacts(cgroupParentOf(directory));
  const groups = cgroupDirectories(cgroup, cgroupParentOf(directory)).flatMap((parent) =>
    childCgroups(parent).map((child) => `${parent}/${child}`),
  );
  const mounts = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(directory));
  return [...found, ...groups, ...mounts];
}

/** One cgroup parent for each test directory: `/gantry-test-x`. */
export function cgroupParentOf(directory: string): string {
  return `/gantry-${directory.split("/").at(-1)}`;
}

function testLogger(): Logger {
  return createLogger(process.env.TEST_LOG === undefined ? "error" : "debug", (line) => process.stderr.write(line));
}

function testImage(reference: string, config: Partial<Image["config"]>): Image {
  if (!["busybox", IMAGE_ID].includes(reference)) throw notFound("image", reference);
  return {
    id: IMAGE_ID,
    repoTags: ["busybox:latest"],
    repoDigests: [],
    config: {
      architecture: "amd64",
      os: "linux",
      author: "",
      user: "",
      exposedPorts: [],
      environment: ["PATH=/bin"],
      entrypoint: null,
      command: ["sh"],
      volumes: [],
      workingDir: "",
      labels: {},
      onBuild: [],
      shell: [],
      diffIds: [],
      history: [],
      ...config,
    },
    comment: "",
    dockerVersion: "",
    sizeBytes: 1,
    chainId: CHAIN_ID,
  };
}

/** Counts attachments; nothing is set up but a loopback device. */
function testNetworks(endpoints: Map<string, EndpointState>) {
  const none = { messages: new Uint8Array(), acks: 0, comment: "nothing" };
  return {
    async get(name: string): Promise<Network> {
      if (!PREDEFINED_NETWORKS.has(name)) throw new EngineError("not-found", `network ${name} not found`);
      return { name } as Network;
    },
    async attach(request: AttachmentRequest): Promise<Sandbox> {
      const endpoint: EndpointState = {
        networkName: request.network,
        networkId: request.network,
        endpointId: randomId(),
        containerId: request.containerId,
        gateway: "",
        ipAddress: "",
        prefixLength: 0,
        macAddress: "",
        ports: [],
        aliases: [],
      };
      endpoints.set(endpoint.endpointId, endpoint);
      return {
        endpoint,
        hostMessages: { ...none, childPidAt: [] },
        containerMessages: none,
        portReservations: [],
      };
    },
    async detach({ endpointId }: EndpointState) {
      endpoints.delete(endpointId);
    },
    async restore(running: EndpointState[]) {
      for (const endpoint of running) endpoints.set(endpoint.endpointId, endpoint);
    },
    loopbackMessages: renderLoopbackMessages,
  };
}
