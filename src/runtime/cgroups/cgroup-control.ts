import { setTimeout as sleep } from "node:timers/promises";
import { EngineError } from "../../base/errors.ts";
import {
  childCgroups,
  codeOf,
  makeCgroup,
  readCgroupFile,
  tryRemoveCgroup,
  writeCgroupFile,
} from "../../kernel/cgroup-files.ts";
import { pathExists } from "../../kernel/proc-info.ts";
import type { CgroupFacts, HostFacts, ResourcesSpec } from "../plan/plan-input.ts";
import { cgroupDirectories, limitWrites } from "./cgroup-operations.ts";

/** The freezer needs every thread to reach the kernel's border; one in an uninterruptible wait may take its time. */
const FREEZE_TIMEOUT_MS = 10_000;
const KILL_TIMEOUT_MS = 10_000;
const POLL_MS = 2;

/**
 * Makes the cgroups above a container's (`/gantry`) so that a plan needs one mkdir per hierarchy: v1 gives their cpuset the
 * parent's CPUs and lets children copy them, v2 hands the controllers down. Cheap when they are there: call it before each launch.
 */
export function ensureCgroupParent(cgroup: CgroupFacts, path: string): void {
  const names = path.split("/").filter((name) => name !== "");
  if (names.includes("..") || names.includes("."))
    throw new EngineError("invalid-argument", `invalid cgroup parent: ${path}`);
  for (const root of cgroupDirectories(cgroup, "")) {
    if (pathExists(`${root}/${names.join("/")}`)) continue;
    let parent = root;
    for (const name of names) {
      if (cgroup.version === 2) enableControllers(parent, cgroup.controllers);
      const directory = `${parent}/${name}`;
      const isNew = makeCgroup(directory);
      if (isNew && cgroup.version === 1 && cgroup.hierarchies["cpuset"] === root) inheritCpuset(parent, directory);
      parent = directory;
    }
    if (cgroup.version === 2) enableControllers(parent, cgroup.controllers);
  }
}

/** A v1 cpuset begins empty, and nothing can run in it. */
function inheritCpuset(parent: string, directory: string): void {
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    if (readCgroupFile(`${directory}/${file}`).trim() === "") {
      writeCgroupFile(`${directory}/${file}`, readCgroupFile(`${parent}/${file}`).trim());
    }
  }
  writeCgroupFile(`${directory}/cgroup.clone_children`, "1");
}

/** One by one: a controller that this host cannot hand down (rt tasks, no device) must not keep the others back. */
function enableControllers(directory: string, controllers: readonly string[]): void {
  const enabled = new Set(readCgroupFile(`${directory}/cgroup.subtree_control`).trim().split(" "));
  for (const controller of controllers) {
    if (enabled.has(controller)) continue;
    try {
      writeCgroupFile(`${directory}/cgroup.subtree_control`, `+${controller}`);
    } catch (error) {
      if (!["EBUSY", "EINVAL", "EOPNOTSUPP", "ENOENT"].includes(codeOf(error))) throw error;
    }
  }
}

/** Stops every process of a container. Resolves once the kernel says that all have stopped; on failure they run on. */
export async function freezeCgroup(cgroup: CgroupFacts, path: string): Promise<void> {
  setFrozen(cgroup, path, true);
  const deadline = performance.now() + FREEZE_TIMEOUT_MS;
  while (!isFrozen(cgroup, path)) {
    if (performance.now() > deadline) {
      setFrozen(cgroup, path, false);
      throw new EngineError("internal", `unable to freeze ${path} within ${FREEZE_TIMEOUT_MS} ms`);
    }
    await sleep(POLL_MS);
    // v1 may miss a process that forked meanwhile: asking again takes it up.
    if (cgroup.version === 1) setFrozen(cgroup, path, true);
  }
}

export function thawCgroup(cgroup: CgroupFacts, path: string): void {
  setFrozen(cgroup, path, false);
}

function setFrozen(cgroup: CgroupFacts, path: string, frozen: boolean): void {
  if (cgroup.version === 2) writeCgroupFile(`${cgroup.root}${path}/cgroup.freeze`, frozen ? "1" : "0");
  else writeCgroupFile(`${freezer(cgroup)}${path}/freezer.state`, frozen ? "FROZEN" : "THAWED");
}

export function isFrozen(cgroup: CgroupFacts, path: string): boolean {
  if (cgroup.version === 2) return /^frozen 1$/m.test(readCgroupFile(`${cgroup.root}${path}/cgroup.events`));
  return readCgroupFile(`${freezer(cgroup)}${path}/freezer.state`).trim() === "FROZEN";
}

function freezer({ hierarchies }: Extract<CgroupFacts, { version: 1 }>): string {
  const root = hierarchies["freezer"];
  if (root === undefined) throw new EngineError("not-implemented", "this kernel has no freezer cgroup: cannot pause");
  return root;
}

/** Host pids of a container's processes, those in cgroups that it made itself included. None when it is gone. */
export function cgroupPids(cgroup: CgroupFacts, path: string): number[] {
  return pidsBelow(pidDirectory(cgroup, path));
}

function pidDirectory(cgroup: CgroupFacts, path: string): string {
  if (cgroup.version === 2) return cgroup.root + path;
  const { pids, freezer: frozen, memory } = cgroup.hierarchies;
  return `${pids ?? frozen ?? memory ?? cgroupDirectories(cgroup, "")[0] ?? ""}${path}`;
}

function pidsBelow(directory: string): number[] {
  const pids = readPids(`${directory}/cgroup.procs`);
  for (const name of childCgroups(directory)) pids.push(...pidsBelow(`${directory}/${name}`));
  return pids;
}

function readPids(file: string): number[] {
  try {
    return readCgroupFile(file).split("\n").filter(Boolean).map(Number);
  } catch (error) {
    if (["ENOENT", "ENODEV"].includes(codeOf(error))) return [];
    throw error;
  }
}

/** SIGKILLs all that lives in a cgroup, frozen or not, until it is empty. Resolves to false if some would not die. */
export async function killCgroup(cgroup: CgroupFacts, path: string): Promise<boolean> {
  const deadline = performance.now() + KILL_TIMEOUT_MS;
  for (;;) {
    const pids = cgroupPids(cgroup, path);
    if (pids.length === 0) return true;
    if (performance.now() > deadline) return false;
    if (!killAtOnce(cgroup, path)) for (const pid of pids) sendKill(pid);
    // A frozen process of v1 dies when it thaws.
    if (cgroup.version === 1 && cgroup.hierarchies["freezer"] !== undefined) tryThaw(cgroup, path);
    await sleep(POLL_MS);
  }
}

function killAtOnce(cgroup: CgroupFacts, path: string): boolean {
  if (cgroup.version === 1) return false;
  try {
    writeCgroupFile(`${cgroup.root}${path}/cgroup.kill`, "1");
    return true;
  } catch {
    return false;
  }
}

function sendKill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (codeOf(error) !== "ESRCH") throw error;
  }
}

function tryThaw(cgroup: CgroupFacts, path: string): void {
  try {
    thawCgroup(cgroup, path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

/**
 * Ends what lives in a container's cgroups and removes them. A process that was killed on its way into them may still be in one
 * hierarchy and in none of the others, and keeps that one busy until it is gone. False: it did not go in time.
 */
export async function endCgroup(cgroup: CgroupFacts, path: string): Promise<boolean> {
  const deadline = performance.now() + KILL_TIMEOUT_MS;
  for (;;) {
    await killCgroup(cgroup, path);
    if (removeCgroupTree(cgroup, path)) return true;
    if (performance.now() > deadline) return false;
    await sleep(POLL_MS);
  }
}

/** Removes a container's cgroups with those that it made below. False: processes are left. */
export function removeCgroupTree(cgroup: CgroupFacts, path: string): boolean {
  return cgroupDirectories(cgroup, path).reduce((removed, directory) => removeBelow(directory) && removed, true);
}

function removeBelow(directory: string): boolean {
  for (const name of childCgroups(directory)) removeBelow(`${directory}/${name}`);
  return tryRemoveCgroup(directory);
}

/** After a crash: ends and removes every cgroup below `parent` whose name is not in `keep`. Returns the names removed. */
export async function sweepCgroups(cgroup: CgroupFacts, parent: string, keep: ReadonlySet<string>): Promise<string[]> {
  const found = new Set(cgroupDirectories(cgroup, parent).flatMap(childCgroups));
  const removed: string[] = [];
  for (const name of found) {
    if (keep.has(name)) continue;
    if (await endCgroup(cgroup, `${parent}/${name}`)) removed.push(name);
  }
  return removed;
}

/** New limits for a running container. v1 memory and swap are written in the order that the kernel's comparison allows. */
export function updateLimits(host: HostFacts, path: string, resources: ResourcesSpec): void {
  const waiting = limitWrites(host, path, resources);
  for (const [index, { path: file, data }] of waiting.entries()) {
    try {
      writeCgroupFile(file, data);
    } catch (error) {
      // Memory above the present memory+swap: swap first, then this one again.
      if (codeOf(error) !== "EINVAL" || !file.endsWith("memory.limit_in_bytes") || waiting[index + 1] === undefined)
        throw error;
      waiting.push({ path: file, data });
    }
  }
}
