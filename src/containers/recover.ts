import { readdirSync } from "node:fs";
import { messageOf } from "../base/errors.ts";
import type { Exit } from "../runtime/launcher/launcher.ts";
import { containerPaths, removeContainerDirectory } from "./container-files.ts";
import type { ExecSpec } from "./containers.ts";
import type { Core } from "./core.ts";
import { undoCreation } from "./create.ts";
import { createEntry, type Entry } from "./entry.ts";
import type { Execs } from "./exec.ts";
import { forget } from "./exit.ts";
import { endPause } from "./files/commit.ts";
import { cgroupPath } from "./launch-input.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { decodeDefinition, decodeRun } from "./record.ts";
import { takeAway } from "./remove.ts";
import { startsWithDaemon } from "./restart-policy.ts";
import { exitCodeOf } from "./state.ts";

/** What Docker shows for a task whose end nobody saw: a reboot, or a launcher that was killed. */
const UNKNOWN_EXIT_CODE = 255;
const SIGKILL = 9;

/**
 * At the start of the daemon, whatever ended the last one: half-made containers are undone, half-removed ones finished, running
 * ones taken up again, ends that nobody saw are handled as always, and what belongs to no container is swept away.
 */
export async function recover(core: Core, lifecycle: Lifecycle, execs: Execs): Promise<void> {
  const { deps, index } = core;
  const found = new Set(await deps.launcher.list());
  for (const row of deps.records.all()) {
    const entry = createEntry(decodeDefinition(row.definition), decodeRun(row.run));
    if (entry.run.intent === "create") await undoCreation(core, entry.definition);
    else index.add(entry);
  }
  for (const { definition } of index.all()) {
    for (const mount of definition.mounts) {
      if (mount.type === "volume") deps.volumes.hold(mount.name, definition.id);
    }
  }
  const ended = new Map<Entry, Exit>();
  for (const entry of index.all()) {
    const exit = await takeUp(core, entry, found);
    if (exit !== undefined) ended.set(entry, exit);
  }
  const running = [...index.all()].filter((entry) => entry.task !== undefined);
  await deps.networks.restore(running.flatMap((entry) => entry.run.endpoints));
  await adoptExecs(core, execs, found);
  await sweep(core, found);
  for (const entry of running) lifecycle.follow(entry);
  for (const [entry, exit] of ended) await lifecycle.exited(entry, exit);
  const snapshots = new Set(deps.snapshots.listActive());
  for (const entry of index.all()) {
    await settle(core, lifecycle, entry, { justEnded: ended.has(entry), isLost: !snapshots.has(entry.id) });
  }
}

/** Joins the record with what the launcher says. Returns the end of a task that ended while no daemon looked. */
async function takeUp(core: Core, entry: Entry, found: Set<string>): Promise<Exit | undefined> {
  const { deps } = core;
  const { state, intent } = entry.run;
  const believedRunning = state.status === "running" || state.status === "paused";
  if (!believedRunning && intent !== "start") return undefined;
  entry.run = { ...entry.run, intent: "none" };
  const sameBoot = entry.run.bootId === deps.bootId;
  const adoption =
    sameBoot && found.has(entry.id) ? await deps.launcher.adopt(entry.id) : { state: "unknown" as const };
  if (adoption.state === "running") {
    const { task } = adoption;
    entry.task = task;
    if (intent === "commit") await endPause(core, entry);
    if (believedRunning && state.startTicks === task.startTicks && state.pid === task.pid) return undefined;
    if (!believedRunning) core.apply(entry, startedFact(task.pid, task.startTicks, task.startedAt));
    core.persist(entry);
    return undefined;
  }
  if (adoption.state === "exited") {
    if (!believedRunning) core.apply(entry, startedFact(0, 0n, adoption.exit.finishedAt));
    return adoption.exit;
  }
  if (!believedRunning) {
    // The launch that was under way never got so far.
    entry.run = { ...entry.run, endpoints: [] };
    core.persist(entry);
    return undefined;
  }
  return { code: UNKNOWN_EXIT_CODE, signal: 0, oomKilled: false, finishedAt: deps.clock.now() };
}

function startedFact(pid: number, startTicks: bigint, startedAt: Date) {
  return { fact: "started", pid, startTicks, startedAt } as const;
}

async function adoptExecs(core: Core, execs: Execs, found: Set<string>): Promise<void> {
  const { deps, index } = core;
  for (const row of deps.records.allExecs()) {
    const entry = index.tryFind(row.containerId);
    const adoption = entry !== undefined && found.has(row.id) ? await deps.launcher.adopt(row.id) : undefined;
    if (entry?.task !== undefined && adoption?.state === "running") {
      const spec = JSON.parse(row.definition) as ExecSpec;
      // Whoever waited for its result is gone, and its time may never end.
      if (spec.isProbe === true) await adoption.task.signal(SIGKILL);
      const exec = { id: row.id, containerId: entry.id, spec, running: true, pid: adoption.task.pid };
      execs.adopt(entry, { exec, task: adoption.task, claimed: false });
      continue;
    }
    deps.records.deleteExec(row.id);
    if (adoption?.state === "running") await adoption.task.signal(SIGKILL);
  }
}

/** Launchers, snapshots, directories and cgroups that belong to no container. */
async function sweep(core: Core, found: Set<string>): Promise<void> {
  const { deps, index } = core;
  const attempt = async (what: string, job: () => unknown) => {
    try {
      await job();
    } catch (error) {
      deps.logger.warn(`sweeping ${what}`, { error: messageOf(error) });
    }
  };
  const execIds = new Set([...index.all()].flatMap((entry) => [...entry.execs.keys()]));
  for (const id of found) {
    if (index.has(id) || execIds.has(id)) continue;
    await attempt(`launcher ${id}`, () => endStray(core, id));
  }
  for (const id of deps.snapshots.listActive()) {
    if (isContainerId(id) && !index.has(id)) await attempt(`snapshot ${id}`, () => deps.snapshots.remove(id));
  }
  await attempt("directories", () => {
    for (const id of readdirSync(deps.paths.containers)) {
      if (isContainerId(id) && !index.has(id)) removeContainerDirectory(containerPaths(deps.paths.containers, id));
    }
  });
  for (const { id, task, definition } of index.all()) {
    if (task !== undefined) continue;
    await attempt(`cgroups of ${id}`, () => deps.cgroups.end(cgroupPath(definition, deps.defaults.cgroupParent)));
  }
}

/** A task that no record knows: the daemon was killed before it could say that it starts it. Nobody was told that it runs. */
async function endStray(core: Core, id: string): Promise<void> {
  const adoption = await core.deps.launcher.adopt(id);
  if (adoption.state === "running") {
    await adoption.task.signal(SIGKILL);
    await adoption.task.exited;
  }
  await core.deps.cgroups.end(`${core.deps.defaults.cgroupParent}/${id}`);
  await forget(core, id);
}

function isContainerId(name: string): boolean {
  return /^[0-9a-f]{64}$/.test(name);
}

/** What is left to do for a container that does not run: finish its removal, `--rm`, or start it again. */
async function settle(
  core: Core,
  lifecycle: Lifecycle,
  entry: Entry,
  { justEnded, isLost }: { justEnded: boolean; isLost: boolean },
): Promise<void> {
  const { deps, index, queue } = core;
  if (!index.has(entry.id)) return;
  const { state } = entry.run;
  const { autoRemove, restart } = entry.definition.spec;
  try {
    if (state.status === "removing" || isLost || (state.status === "exited" && autoRemove)) {
      const discardVolumes = autoRemove || entry.run.intent === "remove-with-volumes";
      await queue.run(entry.id, () => takeAway(core, entry, { discardVolumes }));
      return;
    }
    if (state.status === "restarting" && !justEnded) {
      const delayMs = Math.max(0, state.retryAt.getTime() - deps.clock.now().getTime());
      lifecycle.restartLater(entry, delayMs);
      return;
    }
    const stopped = {
      code: exitCodeOf(state),
      stoppedByUser: entry.run.stoppedByUser,
      restartCount: entry.run.restartCount,
    };
    if (state.status === "exited" && !justEnded && startsWithDaemon(restart, stopped)) {
      void lifecycle.start(entry).catch((error: unknown) => {
        deps.logger.error("starting a container with the daemon", { container: entry.id, error: messageOf(error) });
      });
    }
  } catch (error) {
    deps.logger.error("recovering a container", { container: entry.id, error: messageOf(error) });
  }
}
