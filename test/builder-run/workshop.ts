import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { createSystemClock } from "../../src/base/clock.ts";
import { randomId } from "../../src/base/ids.ts";
import { createLogger, silentLogger } from "../../src/base/logger.ts";
import type { BuildEvent } from "../../src/builder/events.ts";
import type { OpContext } from "../../src/builder/executor.ts";
import type { RunOp } from "../../src/builder/graph.ts";
import { createLayers } from "../../src/builder/layers/create-layers.ts";
import type { Layers, NewLayer } from "../../src/builder/layers/layers.ts";
import type { TreeResult, VertexResult } from "../../src/builder/results.ts";
import { createRunner, type Runner } from "../../src/builder/run/create-runner.ts";
import type { RunnerDeps } from "../../src/builder/run/deps.ts";
import { RunFailedError } from "../../src/builder/run/run-failed.ts";
import { containerDefaults } from "../../src/engine/container-defaults.ts";
import { resolveDaemonConfig } from "../../src/engine/daemon-config.ts";
import { createFailpoint } from "../../src/engine/failpoints.ts";
import { hostAccess } from "../../src/engine/host-access.ts";
import { createPlanner, createTaskCgroups } from "../../src/engine/planner.ts";
import type { RunMount } from "../../src/formats/dockerfile/instructions.ts";
import { childCgroups } from "../../src/kernel/cgroup-files.ts";
import type { EndpointState } from "../../src/networks/networks.ts";
import { renderLoopbackMessages } from "../../src/networks/sandbox-messages.ts";
import { removeCgroupTree } from "../../src/runtime/cgroups/cgroup-control.ts";
import { cgroupDirectories } from "../../src/runtime/cgroups/cgroup-operations.ts";
import { gatherHostFacts } from "../../src/runtime/host-facts.ts";
import { createLauncher } from "../../src/runtime/launcher/create-launcher.ts";
import { copyUp } from "../../src/storage/snapshots/copy-up/copy-up.ts";
import { createHousekeeper } from "../../src/storage/snapshots/housekeeper.ts";
import { createOverlaySnapshots } from "../../src/storage/snapshots/overlay.ts";
import type { Snapshots } from "../../src/storage/snapshots/snapshots.ts";
import { cgroupParentOf } from "../containers/territory.ts";
import { busyboxRoot } from "../fixtures/busybox-image.ts";
import { runOp } from "../harness/run-op.ts";

export const SCRATCH: TreeResult = {
  kind: "tree",
  layers: [],
  chainId: undefined,
  createdAt: new Date(0),
  added: undefined,
};
const never = new AbortController().signal;
export const LAYER: NewLayer = { epochSeconds: undefined, hold: () => {}, signal: never };

export interface Outcome {
  tree: TreeResult;
  /** What the command wrote, both streams as they came. */
  text: string;
}

/** A runner on the real kernel, with a busybox root to run in, in directories of its own. */
export interface Workshop {
  directory: string;
  runner: Runner;
  /** Another one on the same directories, as the next daemon would have it. */
  reopenRunner(): Runner;
  layers: Layers;
  snapshots: Snapshots;
  endpoints: Map<string, EndpointState>;
  /** The busybox root. */
  base: TreeResult;
  events: BuildEvent[];
  /** `sh -c script`, with what is said otherwise. */
  run(script: string, changes?: Partial<RunOp>, how?: Partial<How>): Promise<Outcome>;
  /** The error's text, then what the command wrote. */
  failure(script: string, changes?: Partial<RunOp>, how?: Partial<How>): Promise<string>;
  /** A layer's own names: `etc/x`, `gone (whiteout)`. */
  contents(tree: TreeResult): string[];
  /** Everything that steps left where nothing should be. */
  leftovers(): string[];
  close(): Promise<void>;
}

export interface How {
  base: TreeResult;
  /** After the root. */
  inputs: VertexResult[];
  context: Partial<OpContext>;
}

export async function openWorkshop(given: { directory?: string; deps?: Partial<RunnerDeps> } = {}): Promise<Workshop> {
  const directory = given.directory ?? mkdtempSync(`${tmpdir()}/gantry-run-`);
  const endpoints = new Map<string, EndpointState>();
  const foundation = await openFoundation(directory, endpoints);
  const { layers, snapshots } = foundation;
  const deps: RunnerDeps = { ...foundation.deps, ...given.deps };
  const runner = createRunner(deps);
  const busybox = await busyboxRoot();
  const base = await layers.fill(SCRATCH, LAYER, async (place) => cpSync(busybox, place, { recursive: true }));
  const events: BuildEvent[] = [];

  async function run(script: string, changes: Partial<RunOp> = {}, how: Partial<How> = {}): Promise<Outcome> {
    const own: BuildEvent[] = [];
    const report = (event: BuildEvent) => void (own.push(event), events.push(event));
    const { context, base: root = base, inputs = [] } = how;
    const op = runOp({ argv: ["/bin/sh", "-c", script], ...changes });
    const tree = await runner.run(op, [root, ...inputs], { ...stepContext(report), ...context });
    return { tree, text: textOf(own) };
  }

  return {
    directory,
    runner,
    reopenRunner: () => createRunner(deps),
    layers,
    snapshots,
    endpoints,
    base,
    events,
    run,
    async failure(script, changes, how) {
      try {
        const { text } = await run(script, changes, how);
        return `succeeded: ${text}`;
      } catch (error) {
        const output = error instanceof RunFailedError ? ` | ${error.output}` : "";
        return `${(error as Error).message}${output}`;
      }
    },
    contents: ({ chainId }) => namesBelow(snapshots.layerDirectory(chainId as string)),
    leftovers: () => [...leftovers(directory, deps), ...[...endpoints.keys()].map((id) => `endpoint ${id}`)],
    async close() {
      await runner.close();
      await foundation.close();
      removeCgroupTree(deps.host.cgroup, deps.defaults.cgroupParent);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** What is below the runner, as the engine makes it. */
async function openFoundation(directory: string, endpoints: Map<string, EndpointState>) {
  for (const name of ["data/snapshots", "run/rootfs"]) mkdirSync(`${directory}/${name}`, { recursive: true });
  const logger =
    process.env.TEST_LOG === undefined ? silentLogger : createLogger("debug", (line) => process.stderr.write(line));
  const clock = createSystemClock();
  const snapshots = createOverlaySnapshots({ root: `${directory}/data/snapshots`, bootId: "test", logger });
  const layers = createLayers({ snapshots, clock, randomId, failpoint: () => {} });
  const launcher = await createLauncher({
    runDir: `${directory}/run/launchers`,
    binaryPath: new URL("../../build/launcher", import.meta.url).pathname,
    logger,
  });
  const cgroupParent = cgroupParentOf(directory);
  const host = gatherHostFacts(cgroupParent);
  const housekeeper = createHousekeeper();
  const deps: RunnerDeps = {
    layers,
    snapshots,
    launcher,
    planner: createPlanner(host),
    cgroups: createTaskCgroups(host),
    networks: loopbackNetworks(endpoints),
    host,
    hostFiles: hostAccess().hostFiles,
    defaults: containerDefaults({ ...resolveDaemonConfig(new Map(), {}), cgroupParent }),
    stepTasks: 1000,
    copyUp,
    sweep: (place) => housekeeper.sweep(place),
    paths: {
      cacheMounts: `${directory}/data/builder/mounts`,
      running: `${directory}/run/builds`,
      backings: `${directory}/run/build-mounts`,
      rootMountPoint: `${directory}/run/rootfs`,
    },
    programHandlers: () => [],
    deviceSpecs: () => [],
    clock,
    logger,
    randomId,
    failpoint: createFailpoint(process.env.GANTRY_FAILPOINT),
  };
  const close = async () => {
    launcher.close();
    await snapshots.close();
    await housekeeper.close();
  };
  return { deps, layers, snapshots, close };
}

function leftovers(directory: string, { host, defaults }: RunnerDeps): string[] {
  const places = ["data/snapshots/active", "run/launchers", "run/builds"];
  const found = places.flatMap((name) => readdirSync(`${directory}/${name}`).map((entry) => `${name}/${entry}`));
  const groups = cgroupDirectories(host.cgroup, defaults.cgroupParent).flatMap((path) =>
    childCgroups(path).map((child) => `${path}/${child}`),
  );
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  return [...found, ...groups, ...mounts.filter((line) => line.includes(directory))];
}

/** Counts attachments; all that is set up is a loopback device: the messages for the host raise one that is up. */
function loopbackNetworks(endpoints: Map<string, EndpointState>): RunnerDeps["networks"] {
  return {
    async attach({ containerId }) {
      const endpoint = { endpointId: randomId(), containerId, ipAddress: "172.30.0.2", gateway: "172.30.0.1" };
      endpoints.set(endpoint.endpointId, endpoint as EndpointState);
      return {
        endpoint: endpoint as EndpointState,
        hostMessages: { ...renderLoopbackMessages(), childPidAt: [] },
        containerMessages: renderLoopbackMessages(),
        portReservations: [],
      };
    },
    async detach({ endpointId }) {
      endpoints.delete(endpointId);
    },
    loopbackMessages: renderLoopbackMessages,
  };
}

export function stepContext(report: OpContext["report"] = () => {}): OpContext {
  return {
    ...LAYER,
    vertex: "sha256:vertex",
    name: "[stage 1/1] RUN",
    report,
    session: undefined,
    buildId: "build",
    resources: {},
    cacheMountNamespace: "",
  };
}

export function mountOf(type: RunMount["type"], changes: Partial<RunMount>, input?: number) {
  const mount: RunMount = {
    type,
    target: "/mnt",
    source: "",
    from: "",
    readOnly: type === "bind",
    id: "",
    sharing: "shared",
    required: false,
    env: undefined,
    sizeBytes: undefined,
    mode: undefined,
    uid: undefined,
    gid: undefined,
    ...changes,
  };
  return { mount, input };
}

export function textOf(events: BuildEvent[]): string {
  return Buffer.concat(events.flatMap((event) => (event.kind === "log" ? [event.data] : []))).toString();
}

function namesBelow(directory: string, prefix = ""): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const name = `${prefix}${entry.name}`;
      if (entry.isCharacterDevice()) return [`${name} (whiteout)`];
      return [name, ...(entry.isDirectory() ? namesBelow(`${directory}/${entry.name}`, `${name}/`) : [])];
    });
}
