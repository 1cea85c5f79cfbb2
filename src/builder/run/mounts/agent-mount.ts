import { chmodSync, chownSync, mkdirSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { EngineError, invalid, messageOf } from "../../../base/errors.ts";
import type { RunMount } from "../../../formats/dockerfile/instructions.ts";
import type { OpContext } from "../../executor.ts";
import type { BuildSession } from "../../session.ts";
import type { RunnerDeps } from "../deps.ts";
import { bindOf } from "./bind-mount.ts";
import type { OpenedMounts } from "./opened-mounts.ts";

const DEFAULT_ID = "default";
const DEFAULT_MODE = 0o600;
/** Connections of one step to the client's agent at one time. */
const MAX_CONNECTIONS = 64;
/** Of sun_path, its NUL included. */
const MAX_SOCKET_PATH_BYTES = 108;

/**
 * A socket in the container behind which the client's ssh agent is. The socket is a file in `directory`, below the exec root, that
 * is bound into the container: whoever the mount's mode, uid and gid let may connect.
 */
export async function openAgentMount(
  mount: RunMount,
  { context, directory, number }: { context: Pick<OpContext, "session" | "signal">; directory: string; number: number },
  opened: OpenedMounts,
  deps: Pick<RunnerDeps, "logger">,
): Promise<void> {
  const { session, signal } = context;
  const id = mount.id || DEFAULT_ID;
  if (session === undefined || !(await session.hasAgent(id, signal))) {
    if (mount.required) throw invalid(`no SSH key ${JSON.stringify(id)} forwarded from the client`);
    return;
  }
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  opened.releases.push(() => rmSync(directory, { recursive: true, force: true }));
  const path = `${directory}/${number}.sock`;
  const forwarder = await forwardAgent(path, { id, session, signal, logger: deps.logger });
  opened.releases.push(() => forwarder.close());
  chownSync(path, mount.uid ?? 0, mount.gid ?? 0);
  chmodSync(path, mount.mode ?? DEFAULT_MODE);
  const destination = mount.target || `/run/buildkit/ssh_agent.${number}`;
  const attributes = { noSuid: true, noDev: true, noExec: true };
  opened.mounts.push(bindOf(path, { path: "", destination, attributes }));
  const isFirst = !opened.environment.some((entry) => entry.startsWith("SSH_AUTH_SOCK="));
  if (isFirst) opened.environment.push(`SSH_AUTH_SOCK=${destination}`);
}

interface Forwarding {
  id: string;
  session: BuildSession;
  signal: AbortSignal;
  logger: RunnerDeps["logger"];
}

async function forwardAgent(path: string, forwarding: Forwarding): Promise<{ close(): void }> {
  if (Buffer.byteLength(path) >= MAX_SOCKET_PATH_BYTES) {
    throw new EngineError("internal", `the exec root's path is too long for a socket: ${path}`);
  }
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    if (open.size >= MAX_CONNECTIONS) return void socket.destroy();
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    connect(socket, forwarding).catch((error: unknown) => {
      forwarding.logger.debug("forwarding an ssh agent", { error: messageOf(error) });
      socket.destroy();
    });
  });
  await listen(server, path);
  return {
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** Both directions, each held back by its reader. What breaks on one side is broken on the other. */
async function connect(socket: Socket, { id, session, signal }: Forwarding): Promise<void> {
  const agent: Duplex = await session.openAgent(id, signal);
  agent.on("error", () => socket.destroy());
  // Where it has ended in order, its last bytes are still on their way to the socket.
  agent.on("close", () => agent.readableEnded || socket.destroy());
  socket.on("close", () => agent.destroy());
  if (socket.destroyed) agent.destroy();
  socket.pipe(agent);
  agent.pipe(socket);
}
