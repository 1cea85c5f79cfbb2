import { existsSync } from "node:fs";
import { GANTRY, GANTRY_BIN, startDaemon } from "../test/harness/daemon.ts";
import { type Peer, pidsWhere } from "./peer.ts";

/** Our daemon, and the command as users run it: the bundle, if it was built. */
export async function startGantry(): Promise<Peer> {
  const daemon = await startDaemon({ busybox: false, wideSubnet: true });
  const response = await daemon.request("/version");
  const { Version: version } = (await response.json()) as { Version: string };
  return {
    name: "gantry",
    version,
    cli: existsSync(GANTRY_BIN) ? [GANTRY_BIN] : GANTRY,
    socket: daemon.socket,
    env: { DOCKER_HOST: daemon.host, DOCKER_CONFIG: `${daemon.directory}/client` },
    daemonPids: () => [daemon.pid()],
    supervisorPids: () => pidsWhere((text, parent) => isLauncher(text, daemon.execRoot) || parent === daemon.pid()),
    stop: () => daemon[Symbol.asyncDispose](),
  };
}

function isLauncher(text: string, execRoot: string): boolean {
  return text.includes(`${execRoot}/launchers/`) || text.startsWith("gantry-launcher");
}
