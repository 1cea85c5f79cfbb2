import { conflict, EngineError, isKind, messageOf } from "../../base/errors.ts";
import type { RootView } from "../../kernel/root-view.ts";
import type { ViewMount } from "../../kernel/view-mounts.ts";
import type { StagedOperation } from "../../runtime/plan/launch-plan.ts";
import type { MountInput } from "../../runtime/plan/plan-input.ts";
import { userMounts } from "../../runtime/plan/user-mounts.ts";
import { containerPaths } from "../container-files.ts";
import type { Core } from "../core.ts";
import type { Entry } from "../entry.ts";
import { mountInputs } from "../launch-input.ts";
import { createBindSources } from "../resolve-mounts.ts";

/** What of a container is looked at. `bare`: its root without what is mounted over it. */
export interface ViewOptions {
  writable: boolean;
  bare: boolean;
}

/** A task may end while a worker is on its way into it; when its end is handled, the container is looked at as one that does not run. */
const MAX_ATTEMPTS = 100;
const RETRY_MS = 20;

/**
 * Calls `use` with the container's root: of its task where it runs, else put together from its snapshot and mounts as a start would
 * do it. `use` returns when the view was entered. Where a stopped container is written to, nothing else is done with it until `use`
 * is over. Throws conflict for a container that is being removed.
 */
export async function withView<T>(
  core: Core,
  entry: Entry,
  options: ViewOptions,
  use: (view: RootView) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const { state } = entry.run;
    if (state.status === "running" || state.status === "paused") {
      try {
        return await withTask(core, state, options, use);
      } catch (error) {
        if (!isKind(error, "unavailable") || attempt >= MAX_ATTEMPTS) throw error;
        await core.deps.clock.sleep(RETRY_MS);
        continue;
      }
    }
    if (!options.writable) return use(stoppedView(core, entry, options));
    const result = await core.queue.run(entry.id, async () => {
      const { status } = entry.run.state;
      if (status === "running" || status === "paused") return undefined;
      return { value: await use(stoppedView(core, entry, options)) };
    });
    if (result !== undefined) return result.value;
  }
}

async function withTask<T>(
  { deps }: Core,
  { pid, startTicks }: { pid: number; startTicks: bigint },
  { bare }: ViewOptions,
  use: (view: RootView) => Promise<T>,
): Promise<T> {
  const pidfd = openTask(deps, pid, startTicks);
  try {
    return await use({ kind: "task", pidfd, bare });
  } finally {
    deps.closeFd(pidfd);
  }
}

function openTask(deps: Core["deps"], pid: number, startTicks: bigint): number {
  try {
    return deps.openPidfd(pid, startTicks);
  } catch (error) {
    throw new EngineError("unavailable", messageOf(error), { cause: error });
  }
}

function stoppedView({ deps, index }: Core, entry: Entry, { writable, bare }: ViewOptions): RootView {
  assertThere({ index }, entry);
  if (bare) return deps.snapshots.rootView(entry.id, { writable, mounts: [] });
  const paths = containerPaths(deps.paths.containers, entry.id);
  createBindSources(entry.definition.mounts);
  const mounts = mountInputs(entry.definition, paths)
    // A tmpfs is there while the container runs; before and after, what lies below it is seen, as with Docker.
    .filter((mount) => mount.kind !== "tmpfs")
    .map((mount) => viewMount(mount, paths.directory));
  return deps.snapshots.rootView(entry.id, { writable, mounts });
}

/** Throws conflict, in words like Docker's for a container that it cannot commit. */
export function assertThere({ index }: Pick<Core, "index">, entry: Entry, action = "copy files of"): void {
  const { status } = entry.run.state;
  if (status === "dead") throw conflict(`You cannot ${action} container ${entry.id} which is Dead`);
  if (status === "removing" || !index.has(entry.id))
    throw conflict(`You cannot ${action} container ${entry.id} which is being removed`);
}

function viewMount(mount: MountInput, ownDirectory: string): ViewMount {
  const [operation] = userMounts({ mounts: [mount] });
  return fromOperation(operation as StagedOperation, ownDirectory);
}

function fromOperation(operation: StagedOperation, ownDirectory: string): ViewMount {
  if (operation.op === "mount-fs") {
    const { fstype, source, options, target, attributes } = operation;
    return { kind: "fs", fstype, source, options, target, readOnly: attributes.readOnly === true };
  }
  if (operation.op !== "mount-bind") throw new TypeError(`${operation.op} is no mount`);
  const { source, below = "", target, recursive, attributes } = operation;
  return {
    kind: "bind",
    source,
    below,
    target,
    recursive,
    readOnly: attributes.readOnly === true,
    // Those of the container's own (hosts, resolv.conf) are made when it starts first.
    optional: source.startsWith(`${ownDirectory}/`),
  };
}
