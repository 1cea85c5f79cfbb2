import { networkInterfaces } from "node:os";
import type { Sandbox } from "../networks/networks.ts";
import type { ResolvedUser } from "../runtime/plan/plan-input.ts";
import { MAX_USER_FILE_BYTES } from "../runtime/users.ts";
import {
  containerPaths,
  type ContainerPaths,
  renderHosts,
  renderResolvConf,
  writeEtcFiles,
} from "./container-files.ts";
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
  const { deps, index } = core;
  const own = containerPaths(deps.paths.containers, entry.id);
  if (mode.kind === "container") {
    // One network, one set of names: the files are shared, too.
    const other = index.find(mode.id).definition;
    return networkFilesOf(core, other);
  }
  const { spec } = entry.definition;
  const isHost = mode.kind === "host";
  const hostname = spec.hostname ?? "";
  writeEtcFiles(own, {
    hostname: `${hostname}\n`,
    hosts: renderHosts({
      hostname,
      domainname: spec.domainname,
      ipAddress: sandbox?.endpoint.ipAddress ?? "",
      gateway: sandbox?.endpoint.gateway ?? hostAddress(),
      extraHosts: spec.network.extraHosts,
      ...(isHost ? { base: deps.hostFiles.hosts() } : {}),
    }),
    resolvConf: renderResolvConf(deps.hostFiles.resolvConf(), spec.network, !isHost),
  });
  return own;
}

/** Of the container whose network is used in the end. A chain ends at a container that has a network of its own. */
function networkFilesOf(core: Core, definition: Definition): ContainerPaths {
  return containerPaths(core.deps.paths.containers, definition.id);
}

/** What `host-gateway` means without a bridge: the host itself. */
function hostAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const address of addresses ?? []) if (address.family === "IPv4" && !address.internal) return address.address;
  }
  return "127.0.0.1";
}
