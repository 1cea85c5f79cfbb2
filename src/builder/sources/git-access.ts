import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream";
import type { BuildSession } from "../session.ts";
import type { GitAccess } from "./git-checkout.ts";

/** Connections to the client's agent at once; git opens one after the other. */
const MAX_AGENT_CONNECTIONS = 16;
const decoder = new TextDecoder();

/**
 * How a remote may be reached with what the client has: a token for http, its ssh agent for ssh. `directory`: for the agent's socket.
 * @see BuildKit source/git: secrets GIT_AUTH_TOKEN and GIT_AUTH_HEADER, with or without `.<host>`
 */
export async function openGitAccess(
  remote: string,
  session: BuildSession | undefined,
  { directory, signal }: { directory: string; signal: AbortSignal },
): Promise<GitAccess & AsyncDisposable> {
  const plain = { signal, [Symbol.asyncDispose]: async () => undefined };
  if (session === undefined) return plain;
  const url = /^https?:\/\//.test(remote) && URL.canParse(remote) ? new URL(remote) : undefined;
  if (url !== undefined) return { ...plain, settings: await httpSettings(url, session, signal) };
  if (remote.startsWith("git://") || !(await session.hasAgent("default", signal))) return plain;
  const agentSocket = join(directory, "agent.sock");
  const server = await listen(agentSocket, session, signal);
  return { signal, agentSocket, [Symbol.asyncDispose]: () => closed(server) };
}

async function httpSettings(url: URL, session: BuildSession, signal: AbortSignal): Promise<[string, string][]> {
  const secret = async (name: string) =>
    (await session.secret(`${name}.${url.host}`, signal)) ?? (await session.secret(name, signal));
  const header = await secret("GIT_AUTH_HEADER");
  const token = header === undefined ? await secret("GIT_AUTH_TOKEN") : undefined;
  const value =
    header !== undefined
      ? decoder.decode(header).trim()
      : token === undefined
        ? ""
        : `basic ${Buffer.from(`x-access-token:${decoder.decode(token).trim()}`).toString("base64")}`;
  return value === "" ? [] : [[`http.${url.origin}/.extraheader`, `Authorization: ${value}`]];
}

async function listen(path: string, session: BuildSession, signal: AbortSignal): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    session.openAgent("default", signal).then(
      (agent) => pipeline(socket, agent, socket, () => agent.destroy()),
      () => socket.destroy(),
    );
  });
  server.maxConnections = MAX_AGENT_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  return server;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
