import { statSync } from "node:fs";
import { Connection } from "../../client/http/connection.ts";
import type { MessageStream } from "../../wire/build-channel.ts";
import type { WireAccount } from "../../wire/build-messages.ts";
import { absolutePath } from "../absolute-path.ts";
import type { CliContext } from "../command.ts";
import { HUB_KEY } from "../credentials/registry-key.ts";
import { messageOf } from "../../base/errors.ts";
import { readTextFile } from "../read-file.ts";
import type { PrivateKey } from "./ssh/private-key.ts";
import { parseSecret, parseSsh, type SecretSpec } from "./parse-specs.ts";
import { parsed } from "./plan-outputs.ts";

/** @see BuildKit session/secrets/secretsprovider: secrets travel in one message */
const MAX_SECRET_BYTES = 500 * 1024;

const MAX_KEY_BYTES = 256 * 1024;

/** Secrets and agents that a build may use, by ID. Read when it asks. */
export interface Offered {
  secret(id: string): Promise<Uint8Array | undefined>;
  hasAgent(id: string): boolean;
  /** Joins a stream of the build to the agent until one of them ends. */
  joinAgent(id: string, stream: MessageStream): Promise<void>;
}

/** What `--secret` and `--ssh` name. Throws for what is not there, before anything is built. */
export async function readOffers(
  context: CliContext,
  flags: { secrets: readonly string[]; ssh: readonly string[] },
): Promise<Offered> {
  const { environment, workingDir } = context;
  const secrets = new Map<string, SecretSpec["source"]>();
  for (const text of flags.secrets) {
    const { id, source } = parsed("secret", text, (value) => parseSecret(value, environment));
    if (source.kind === "file") source.path = checkSecretFile(id, absolutePath(workingDir, source.path));
    secrets.set(id, source);
  }
  const agents = new Map<string, Agent>();
  for (const text of flags.ssh) {
    const { id, paths } = parseSsh(text);
    agents.set(id, await openAgent(id, paths, { environment, workingDir }));
  }
  return {
    async secret(id) {
      const source = secrets.get(id);
      if (source === undefined) return undefined;
      if (source.kind === "file") return Bun.file(source.path).bytes();
      const value = environment[source.name];
      return value === undefined ? undefined : new TextEncoder().encode(value);
    },
    hasAgent: (id) => agents.has(id),
    async joinAgent(id, stream) {
      const agent = agents.get(id);
      if (agent === undefined) throw new Error(`no ssh agent ${id}`);
      if (agent.kind === "socket") return joinSocket(agent.path, stream);
      await (await import("./ssh/key-agent.ts")).serveKeys(agent.keys, stream);
    },
  };
}

function checkSecretFile(id: string, path: string): string {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) throw new Error(`failed to stat ${path}: stat ${path}: no such file or directory`);
  if (status.size > MAX_SECRET_BYTES) throw new Error(`secret ${id} too big. max size 500KB`);
  return path;
}

type Agent = { kind: "socket"; path: string } | { kind: "keys"; keys: PrivateKey[] };

/** No path: the agent of the environment. Else a socket, or key files, for which we are the agent. */
async function openAgent(
  id: string,
  paths: readonly string[],
  { environment, workingDir }: Pick<CliContext, "environment" | "workingDir">,
): Promise<Agent> {
  const given = paths.length === 0 ? [environment["SSH_AUTH_SOCK"] ?? ""] : paths;
  if (given[0] === "") throw new Error("invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set");
  const keys: PrivateKey[] = [];
  for (const path of given.map((one) => absolutePath(workingDir, one))) {
    const status = statSync(path, { throwIfNoEntry: false });
    if (status === undefined) throw new Error(`ssh ${id}: stat ${path}: no such file or directory`);
    if (status.isSocket()) {
      if (given.length > 1) throw new Error(`ssh ${id}: either one socket or key files`);
      return { kind: "socket", path };
    }
    keys.push(await readKeyFile(id, path));
  }
  return { kind: "keys", keys };
}

async function readKeyFile(id: string, path: string): Promise<PrivateKey> {
  const { readPrivateKey } = await import("./ssh/private-key.ts");
  const text = await readTextFile(path, MAX_KEY_BYTES);
  try {
    return readPrivateKey(text);
  } catch (error) {
    const hint = `add it to your agent with 'ssh-add ${path}', and offer that: --ssh ${id}`;
    throw new Error(`ssh ${id}: ${path} cannot be used: ${messageOf(error)}; ${hint}`, { cause: error });
  }
}

async function joinSocket(path: string, stream: MessageStream): Promise<void> {
  const agent = await Connection.open({ kind: "unix", path, url: `unix://${path}` });
  const toAgent = async () => {
    for await (const bytes of stream) await agent.write(bytes);
    agent.closeWrite();
  };
  const fromAgent = async () => {
    for (let bytes = await agent.read(); bytes !== undefined; bytes = await agent.read()) await stream.sendAll(bytes);
  };
  try {
    const sending = toAgent();
    // An agent that is through ends the stream, whether or not more is said to it.
    await Promise.race([fromAgent(), sending.then(() => new Promise<never>(() => undefined))]);
  } finally {
    agent.close();
  }
}

/** The user's account at a registry's host. */
export async function accountOf(context: CliContext, host: string): Promise<WireAccount | undefined> {
  const isHub = host === "docker.io" || host === "index.docker.io" || host === "registry-1.docker.io";
  const account = await (await context.credentials()).get(isHub ? HUB_KEY : host);
  if (account === undefined) return undefined;
  return {
    Username: account.username ?? "",
    Password: account.password ?? "",
    IdentityToken: account.identitytoken ?? "",
  };
}
