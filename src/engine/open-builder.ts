import { mkdirSync, readFileSync, statfsSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { randomId } from "../base/ids.ts";
import type { Logger } from "../base/logger.ts";
import type { Builder } from "../builder/builder.ts";
import { createBuilder } from "../builder/create-builder.ts";
import type { Contexts } from "../builder/contexts/contexts.ts";
import { createContexts } from "../builder/contexts/create-contexts.ts";
import { createFiles } from "../builder/files/create-files.ts";
import { planBuild } from "../builder/frontend/plan-build.ts";
import { answerSubrequest } from "../builder/frontend/subrequests/answer-subrequest.ts";
import { createLayers } from "../builder/layers/create-layers.ts";
import { bringLayoutImage } from "../builder/outputs/cache/layout-image.ts";
import { createOutputs } from "../builder/outputs/create-outputs.ts";
import { createRunner, type Runner } from "../builder/run/create-runner.ts";
import { hostTexts } from "../builder/run/host-texts.ts";
import type { RunnerDeps } from "../builder/run/deps.ts";
import { createBudget } from "../builder/solver/budget.ts";
import type { BuildCache } from "../builder/solver/build-cache.ts";
import { type CacheKeeper, createCacheKeeper, type KeptThings } from "../builder/solver/cache-keeper.ts";
import { parseGcPolicy } from "../builder/solver/gc-policy.ts";
import { createHistoryStore } from "../builder/solver/history-store.ts";
import { createImageResolver } from "../builder/solver/resolve-image.ts";
import { SharedVertices } from "../builder/solver/shared-vertices.ts";
import { createRequestSolver } from "../builder/solver/solve-request.ts";
import { createSources } from "../builder/sources/create-sources.ts";
import { openSourceStores, type SourceStores } from "../builder/sources/open-stores.ts";
import type { DistributionService } from "../images/create-distribution.ts";
import type { ImagesService } from "../images/create-images.ts";
import type { HostFacts } from "../runtime/plan/plan-input.ts";
import type { Content } from "../storage/content/content.ts";
import { copyUp } from "../storage/snapshots/copy-up/copy-up.ts";
import type { Housekeeper } from "../storage/snapshots/housekeeper.ts";
import type { Snapshots } from "../storage/snapshots/snapshots.ts";
import { containerDefaults } from "./container-defaults.ts";
import type { DaemonConfig } from "./daemon-config.ts";
import type { Publish } from "./event-bus.ts";
import { hostAccess } from "./host-access.ts";
import { createPlanner, createTaskCgroups } from "./planner.ts";

export interface BuilderParts {
  config: DaemonConfig;
  host: HostFacts;
  bootId: string;
  content: Content;
  snapshots: Snapshots;
  housekeeper: Housekeeper;
  images: ImagesService;
  distribution: DistributionService;
  networks: RunnerDeps["networks"];
  launcher: RunnerDeps["launcher"];
  cache: BuildCache;
  publish: Publish;
  clock: Clock;
  logger: Logger;
  failpoint: (name: string) => void;
}

export interface OpenBuilder {
  builder: Builder;
  keeper: Pick<CacheKeeper, "ownLayers" | "recordsOf" | "imageRemoved">;
}

/** The builder with all its parts, in the order in which they need one another. What an earlier daemon's builds left is gone then. */
export async function openBuilder(parts: BuilderParts): Promise<OpenBuilder> {
  const { config, host, content, snapshots, images, distribution, cache, publish, clock, logger, failpoint } = parts;
  const directory = join(config.dataRoot, "builder");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const layers = createLayers({ snapshots, clock, randomId, failpoint });
  const runner = createRunner(runnerDeps(parts, layers));
  await runner.recover();
  // What stood on layers is gone: some of them are nobody's now.
  await images.store.collect();
  const files = createFiles({ layers, snapshots, directory });
  const stores = openSourceStores(directory);
  const sources = createSources(stores);
  const contexts = createContexts({ ...stores, directory, bootId: parts.bootId, logger });
  const outputs = createOutputs({ content, snapshots, images, distribution, publish, clock, failpoint });
  const policy = parseGcPolicy(config.builder, diskBytes(config.dataRoot));
  const common = { images, snapshots, clock, logger, failpoint };
  const kept = keptThings({ contexts, stores, cacheMounts: runner.cacheMounts });
  const keeper = createCacheKeeper({ ...common, cache, kept, policy });
  const solver = createRequestSolver({
    executor: { ...files, source: sources.source, run: runner.run, mountKey: runner.mountKey },
    cache,
    shared: new SharedVertices(),
    budget: createBudget({ cpuCount: host.cpuCount, memoryBytes: totalmem() }),
    grown: keeper.grown,
    failpoint,
    clock,
    frontend: { plan: planBuild, call: (request, call, deps) => answerSubrequest(call, request, deps) },
    contexts,
    sources,
    resolver: createImageResolver({ images, distribution, content }),
    layers,
    snapshots,
    bringLayout: (request) => bringLayoutImage({ content, images }, request),
    openImporter: ({ cacheFrom, accounts }, { ref, session, report }) =>
      outputs.importCaches(cacheFrom, { accounts, ref, session, report }),
  });
  const history = createHistoryStore({ root: join(directory, "history"), logger });
  const own = { solver, outputs, files, history, cache, keeper, policy, contexts };
  const builder = createBuilder({ ...common, ...own, publish });
  const close = async () => {
    await builder.close();
    await runner.close();
  };
  return { builder: { ...builder, close }, keeper };
}

function keptThings(from: {
  contexts: Contexts;
  stores: SourceStores;
  cacheMounts: Runner["cacheMounts"];
}): KeptThings[] {
  const { contexts, stores, cacheMounts } = from;
  return [
    { type: "source.local", list: () => contexts.list(), remove: (id) => contexts.remove(id) },
    { type: "exec.cachemount", ...cacheMounts },
    { type: "source.git.checkout", list: () => stores.git.list(stores.run), remove: (id) => stores.git.remove(id) },
    { type: "regular", list: async () => stores.http.list(), remove: (id) => stores.http.remove(id) },
  ];
}

function runnerDeps(parts: BuilderParts, layers: RunnerDeps["layers"]): RunnerDeps {
  const { config, host, snapshots, housekeeper, networks, launcher, clock, logger, failpoint } = parts;
  const { dataRoot, execRoot } = config;
  return {
    layers,
    snapshots,
    launcher,
    planner: createPlanner(host),
    cgroups: createTaskCgroups(host),
    networks,
    host,
    hostFiles: hostAccess().hostFiles,
    defaults: containerDefaults(config),
    stepTasks: Math.floor(maxTasks() / 2),
    copyUp,
    sweep: (path) => housekeeper.sweep(path),
    paths: {
      cacheMounts: join(dataRoot, "builder/mounts"),
      running: join(execRoot, "builds"),
      backings: join(execRoot, "build-mounts"),
      rootMountPoint: join(execRoot, "rootfs"),
    },
    ...hostTexts,
    clock,
    logger,
    randomId,
    failpoint,
  };
}

/** Processes and threads that the kernel has room for. */
function maxTasks(): number {
  return Math.min(
    ...["pid_max", "threads-max"].map((name) => Number(readFileSync(`/proc/sys/kernel/${name}`, "utf8"))),
  );
}

function diskBytes(path: string): number {
  const { blocks, bsize } = statfsSync(path);
  return blocks * bsize;
}
