import { containerPaths } from "./container-files.ts";
import type { Container } from "./containers.ts";
import type { ContainersDeps } from "./deps.ts";
import type { Entry } from "./entry.ts";
import { parseLogOptions } from "./log-options.ts";

/** What the rest of the program sees of a container. A value: later changes do not show in it. */
export function viewOf(entry: Entry, deps: Pick<ContainersDeps, "paths" | "snapshots">): Container {
  const { definition, run } = entry;
  const paths = containerPaths(deps.paths.containers, entry.id);
  return {
    id: entry.id,
    createdAt: definition.createdAt,
    spec: definition.spec,
    path: definition.path,
    args: definition.args,
    environment: definition.spec.process.environment,
    imageId: definition.imageId,
    state: run.state,
    ...(run.health === undefined ? {} : { health: run.health }),
    restartCount: run.restartCount,
    mounts: definition.mounts,
    endpoints: run.endpoints,
    logPath: parseLogOptions(definition.spec.log) === undefined ? "" : paths.log,
    hostnamePath: paths.hostname,
    hostsPath: paths.hosts,
    resolvConfPath: paths.resolvConf,
    execIds: [...entry.execs.values()].filter((one) => one.exec.running || one.claimed).map((one) => one.exec.id),
    get snapshotDirs() {
      return snapshotDirs(entry.id, deps);
    },
  };
}

function snapshotDirs(id: string, { snapshots }: Pick<ContainersDeps, "snapshots">): Container["snapshotDirs"] {
  const root = snapshots.mounts(id);
  return root.kind === "overlay"
    ? { lower: root.lower, upper: root.upper, work: root.work }
    : { lower: [], upper: root.source, work: "" };
}

/** Bytes of the writable layer and of the whole root. */
export async function sizesOf(
  entry: Entry,
  { snapshots }: Pick<ContainersDeps, "snapshots">,
): Promise<{ writableBytes: number; rootBytes: number }> {
  const writableBytes = await snapshots.usage(entry.id);
  return { writableBytes, rootBytes: writableBytes + snapshots.imageUsage(entry.id) };
}
