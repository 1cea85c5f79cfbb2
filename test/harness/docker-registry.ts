import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import type { ServerTls } from "./raw-http.ts";
import { until } from "./until.ts";

/** Debian's `docker-registry` 2.8: somebody else's registry. */
export const DOCKER_REGISTRY = "/usr/bin/docker-registry";

/** Why it cannot serve here, or undefined. */
export function whyNoDockerRegistry(): string | undefined {
  return existsSync(DOCKER_REGISTRY) ? undefined : "docker-registry is not installed";
}

export interface PeerRegistry extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  host: string;
  /** The file of a blob that it has. */
  blobPath(digest: string): string;
  kill9(): Promise<void>;
  /** Again, on the same port and with what it has. */
  start(): Promise<void>;
}

export interface PeerRegistryOptions {
  /** The only one that it lets in. */
  account?: { username: string; password: string };
  tls?: Pick<ServerTls, "cert" | "key">;
}

/** A registry on loopback in a directory of its own, gone when it is disposed. */
export async function startDockerRegistry(options: PeerRegistryOptions = {}): Promise<PeerRegistry> {
  const directory = mkdtempSync(join(tmpdir(), "gantry-peer-registry-"));
  const host = `127.0.0.1:${freePort()}`;
  const config = await writeConfig(directory, host, options);
  let child: Bun.Subprocess | undefined;
  const kill9 = async () => {
    child?.kill("SIGKILL");
    await child?.exited;
  };
  const start = async () => {
    child = Bun.spawn([DOCKER_REGISTRY, "serve", config], { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
    const url = `${options.tls === undefined ? "http" : "https"}://${host}/v2/`;
    const tls = { rejectUnauthorized: false };
    await until("the registry answers", async () => (await fetch(url, { tls })).status > 0);
  };
  const dispose = async () => {
    await kill9();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    host,
    blobPath(digest) {
      const [algorithm = "", hex = ""] = digest.split(":");
      return join(directory, "data/docker/registry/v2/blobs", algorithm, hex.slice(0, 2), hex, "data");
    },
    kill9,
    start,
    [Symbol.asyncDispose]: dispose,
  };
}

async function writeConfig(directory: string, host: string, { account, tls }: PeerRegistryOptions): Promise<string> {
  const file = (name: string, text: string) => {
    writeFileSync(join(directory, name), text, { mode: 0o600 });
    return join(directory, name);
  };
  const data = join(directory, "data");
  mkdirSync(data);
  const config: Record<string, unknown> = {
    version: "0.1",
    log: { level: "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: data }, delete: { enabled: true } },
    http: {
      addr: host,
      ...(tls === undefined ? {} : { tls: { certificate: file("tls.crt", tls.cert), key: file("tls.key", tls.key) } }),
    },
  };
  if (account !== undefined) {
    const hash = await Bun.password.hash(account.password, { algorithm: "bcrypt", cost: 4 });
    config.auth = { htpasswd: { realm: "test", path: file("htpasswd", `${account.username}:${hash}\n`) } };
  }
  // Of YAML, JSON is a part.
  return file("config.yml", JSON.stringify(config));
}
