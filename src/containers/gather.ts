import { renderHostname, renderHosts } from "../networks/hosts-file.ts";
import type { Sandbox } from "../networks/networks.ts";
import { renderResolvConf } from "../networks/resolv-conf.ts";
import type { ResolvedUser } from "../runtime/plan/plan-input.ts";
import { MAX_USER_FILE_BYTES } from "../runtime/users.ts";
import { type ContainerPaths, containerPaths, writeEtcFiles } from "./container-files.ts";
import type { Core } from "./core.ts";
import type { Entry } from "./entry.ts";
import type { NetworkMode } from "./network-mode.ts";
import type { Definition } from "./record.ts";

interface UserFiles {
  passwd: Uint8Array | undefined;
  group: Uint8Array | undefined;
}

/** Images whose user files are remembered; files above the size are read each time. */
const CACHED_IMAGES = 64;
const CACHED_FILE_BYTES = 64 * 1024;

/**
 * Who the first process runs as, by the container's own /etc/passwd and /etc/group; mounts over them are not looked at, as with
 * Docker. A container that never ran still has its image's files: those are remembered by image.
 */
export function createUserResolver(
  core: Core,
): (definition: Definition, user: string, fresh: boolean) => Promise<ResolvedUser> {
  const { snapshots, planner } = core.deps;
  const byImage = new Map<string, UserFiles>();

  async function filesOf(definition: Definition, fresh: boolean): Promise<UserFiles> {
    const known = fresh ? byImage.get(definition.imageId) : undefined;
    if (known !== undefined) return known;
    const [passwd, group] = await Promise.all(
      ["/etc/passwd", "/etc/group"].map((path) => snapshots.readFile(definition.id, path, MAX_USER_FILE_BYTES)),
    );
    const files = { passwd, group };
    if (fresh && sizeOf(passwd) + sizeOf(group) <= CACHED_FILE_BYTES) {
      const oldest = byImage.keys().next().value;
      if (byImage.size >= CACHED_IMAGES && oldest !== undefined) byImage.delete(oldest);
      byImage.set(definition.imageId, files);
    }
    return files;
  }

  return async (definition, user, fresh) =>
    planner.resolveUser(user, await filesOf(definition, fresh), definition.spec.security.groupAdd);
}

function sizeOf(bytes: Uint8Array | undefined): number {
  return bytes?.byteLength ?? 0;
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
  const hostname = spec.hostname ?? "";
  const { ipAddress = "", gateway = "" } = sandbox?.endpoint ?? {};
  const hostNetwork = mode.kind === "host";
  const { dns } = deps.defaults;
  const { text, warnings } = renderResolvConf({
    hostResolvConf: deps.hostFiles.resolvConf(),
    dns: orElse(spec.network.dns, dns.servers),
    search: orElse(spec.network.dnsSearch, dns.search),
    options: orElse(spec.network.dnsOptions, dns.options),
    hostNetwork,
  });
  for (const warning of warnings) deps.logger.debug(warning, { container: entry.id });
  writeEtcFiles(own, {
    hostname: renderHostname(hostname),
    hosts: renderHosts({
      hostname,
      domainname: spec.domainname,
      addresses: ipAddress === "" ? [] : [ipAddress],
      extraHosts: spec.network.extraHosts,
      ...(gateway === "" ? {} : { hostGateway: gateway }),
      ...(hostNetwork ? { base: deps.hostFiles.hosts() } : {}),
    }),
    resolvConf: text,
  });
  return own;
}

function orElse(own: string[], otherwise: string[]): string[] {
  return own.length > 0 ? own : otherwise;
}
