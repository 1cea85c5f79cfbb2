import { DOCKER_CLI, startDockerd } from "../test/harness/dockerd.ts";
import { type Peer, pidsWhere } from "./peer.ts";

/** Debian's Docker, on directories and a bridge of its own. */
export async function startDocker(): Promise<Peer> {
  const dockerd = await startDockerd({ name: "dockerbench0", address: "10.251.3.1/22" });
  const { socket, pid: own, directory } = dockerd;
  // As all of its newer clients have it.
  const env = { ...dockerd.env, DOCKER_BUILDKIT: "1" };
  const { stdout } = await dockerd.docker(["version", "-f", "{{.Server.Version}}"]);
  return {
    name: "docker",
    version: stdout.trim(),
    cli: [DOCKER_CLI],
    socket,
    env,
    daemonPids: () => pidsWhere((_text, parent, pid) => pid === own || parent === own),
    supervisorPids: () => pidsWhere((text) => text.includes("containerd-shim") && text.includes(directory)),
    stop: async () => dockerd[Symbol.asyncDispose](),
  };
}
