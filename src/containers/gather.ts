import type { Sandbox } from "../networks/networks.ts";
import type { ResolvedUser } from "../runtime/plan/plan-input.ts";
import { type ContainerPaths, containerPaths, writeEtcFiles } from "./container-files.ts";
import type { Core } from "./core.ts";
import type { Entry } from "./entry.ts";
import { renderEtcFiles } from "./etc-files.ts";
import type { NetworkMode } from "./network-mode.ts";
import type { Definition } from "./record.ts";
import { createUserFiles } from "./user-files.ts";

/** Who the first process runs as, by the container's own files. A container that never ran still has its image's (`fresh`). */
export function createUserResolver(
  core: Core,
): (definition: Definition, user: string, fresh: boolean) => Promise<ResolvedUser> {
  const { snapshots, planner } = core.deps;
  const filesOf = createUserFiles(snapshots);
  return async (definition, user, fresh) => {
    const files = await filesOf(definition.id, fresh ? definition.imageId : undefined);
    return planner.resolveUser(user, files, definition.spec.security.groupAdd);
  };
}

/** Writes hostname, hosts and resolv.conf for this start and says where they are. */
export function prepareEtcFiles(
  core: Core,
  entry: Entry,
  mode: NetworkMode,
  sandbox: Sandbox | undefined,
): ContainerPaths {
  const { deps } = core;
  // One network, one set of names: the files are shared, too.
  const own = containerPaths(deps.paths.containers, mode.kind === "container" ? mode.id : entry.id);
  if (mode.kind === "container") return own;
  const { spec } = entry.definition;
  const { dns, dnsSearch, dnsOptions, extraHosts } = spec.network;
  const { texts, warnings } = renderEtcFiles(
    {
      hostname: spec.hostname ?? "",
      domainname: spec.domainname,
      extraHosts,
      dns: { servers: dns, search: dnsSearch, options: dnsOptions },
      endpoint: sandbox?.endpoint,
      hostNetwork: mode.kind === "host",
    },
    deps,
  );
  for (const warning of warnings) deps.logger.debug(warning, { container: entry.id });
  writeEtcFiles(own, texts);
  return own;
}
