import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { messageOf } from "../../base/errors.ts";
import { cgroupParent } from "../../containers/launch-input.ts";
import { childCgroups } from "../../kernel/cgroup-files.ts";
import { cgroupDirectories } from "../../runtime/cgroups/cgroup-operations.ts";
import type { RunnerDeps } from "./deps.ts";
import type { OpenedMounts } from "./mounts/opened-mounts.ts";

/** Of task names, by which launchers, cgroups and endpoints of steps are known; and of all active snapshots of builds. */
export const TASK_PREFIX = "build-";
const SIGKILL = 9;
const PARENT_FILE = "cgroup";

/** A cgroup that is not where all others are: whoever sweeps must find it. */
export function noteParent(
  directory: string,
  note: { id: string; cgroupParent: string },
  { releases }: OpenedMounts,
): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  releases.push(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(`${directory}/${PARENT_FILE}`, JSON.stringify(note), { mode: 0o600 });
}

/**
 * Ends the steps of a daemon that died: nobody waits for them any more. Takes away what they have left, and the layers that builds
 * had under way. Their networks go with those of all strangers (`Networks.restore`). Before the first build.
 */
export async function recoverSteps(deps: RunnerDeps): Promise<void> {
  const { launcher, snapshots, paths, defaults } = deps;
  const attempt = async (what: string, job: () => unknown) => {
    try {
      await job();
    } catch (error) {
      deps.logger.warn(`sweeping ${what}`, { error: messageOf(error) });
    }
  };
  for (const id of await launcher.list()) {
    if (id.startsWith(TASK_PREFIX)) await attempt(`build step ${id}`, () => endStep(id, deps));
  }
  for (const id of strayCgroups(deps)) {
    await attempt(`cgroups of ${id}`, () => deps.cgroups.end(`${defaults.cgroupParent}/${id}`));
  }
  for (const name of readdirSync(paths.running)) {
    const directory = `${paths.running}/${name}`;
    await attempt(`directory ${directory}`, async () => {
      const note = readNote(`${directory}/${PARENT_FILE}`);
      if (note !== undefined) {
        await deps.cgroups.end(`${cgroupParent(note.cgroupParent, defaults.cgroupParent)}/${note.id}`);
      }
      rmSync(directory, { recursive: true, force: true });
    });
  }
  for (const key of snapshots.listActive()) {
    if (key.startsWith(TASK_PREFIX)) await attempt(`snapshot ${key}`, () => snapshots.remove(key));
  }
}

/** Of launches that were killed before there was a launcher to find. */
function strayCgroups({ host, defaults }: RunnerDeps): Set<string> {
  const names = cgroupDirectories(host.cgroup, defaults.cgroupParent).flatMap(childCgroups);
  return new Set(names.filter((name) => name.startsWith(TASK_PREFIX)));
}

async function endStep(id: string, { launcher, cgroups, defaults }: RunnerDeps): Promise<void> {
  const adoption = await launcher.adopt(id);
  if (adoption.state === "running") {
    await adoption.task.signal(SIGKILL);
    await adoption.task.exited;
  }
  await cgroups.end(`${defaults.cgroupParent}/${id}`);
  await launcher.forget(id);
}

/** undefined: the step had no cgroup elsewhere, or never got so far. */
function readNote(path: string): { id: string; cgroupParent: string } | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as { id: string; cgroupParent: string };
  } catch {
    return undefined;
  }
}
