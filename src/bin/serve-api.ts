import { mkdirSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { dirname } from "node:path";
import { version } from "../../package.json" with { type: "json" };
import { type ApiServer, createApiServer, type ListenTarget } from "../api/server.ts";
import { createSystemClock } from "../base/clock.ts";
import { invalid } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { DaemonConfig } from "../engine/daemon-config.ts";
import type { Engine } from "../engine/engine.ts";

const SOCKET_MODE = 0o660;
const DEFAULT_TCP_PORT = 2375;

/** Where to listen, for every `-H`. Throws invalid-argument for what would give the host away to the network. Changes nothing. */
export function listenTargets(config: DaemonConfig): ListenTarget[] {
  return config.hosts.map((host) => targetOf(host, config));
}

/** Serves the engine on every target. Throws when an address cannot be had. */
export async function serveApi(engine: Engine, targets: ListenTarget[], logger: Logger): Promise<ApiServer> {
  const server = createApiServer({ engine, version, gitCommit: "", logger, clock: createSystemClock() });
  for (const target of targets) {
    if (target.kind === "unix") mkdirSync(dirname(target.path), { recursive: true });
    await server.listen(target);
  }
  return server;
}

/** Anyone who reaches the API is root here: without TLS, TCP is for loopback addresses unless `--tls=false` says otherwise. */
function targetOf(host: string, config: DaemonConfig): ListenTarget {
  if (host.startsWith("unix://")) {
    const path = host.slice("unix://".length);
    const gid = groupId(config.socketGroup);
    return { kind: "unix", path, mode: SOCKET_MODE, ...(gid === undefined ? {} : { gid }) };
  }
  if (!host.startsWith("tcp://"))
    throw invalid(`invalid bind address (${host}): socket activation is not available yet`);
  const url = new URL(host.replace("tcp://", "http://"));
  const address = url.hostname.replace(/^\[|\]$/g, "") || "127.0.0.1";
  const loopback = address === "localhost" || address === "::1" || (isIP(address) === 4 && address.startsWith("127."));
  if (!loopback && !config.plainTcpAllowed)
    throw invalid(
      `${host}: anyone who can reach it would be root on this host; use a loopback address, or --tls=false to insist`,
    );
  return { kind: "tcp", host: address, port: Number(url.port || DEFAULT_TCP_PORT) };
}

/** gid of a group by number or name; undefined: the host has no such group, and the socket stays root's. */
function groupId(group: string): number | undefined {
  if (/^\d+$/.test(group)) return Number(group);
  const line = readFileSync("/etc/group", "utf8")
    .split("\n")
    .find((text) => text.startsWith(`${group}:`));
  const gid = line?.split(":")[2];
  return gid === undefined ? undefined : Number(gid);
}
