import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { freePort } from "./free-port.ts";
import { until } from "./until.ts";

/** Debian's `docker-registry` 2.8: somebody else's registry. */
export const DOCKER_REGISTRY = "/usr/bin/docker-registry";

export interface PeerRegistry extends AsyncDisposable {
  /** `127.0.0.1:port`; plain HTTP. */
  host: string;
}

/** A registry on loopback in a directory of its own, gone when it is disposed. `account`: the only one that it lets in. */
export async function startDockerRegistry(account?: { username: string; password: string }): Promise<PeerRegistry> {
  const directory = mkdtempSync(`${tmpdir()}/gantry-peer-registry-`);
  const host = `127.0.0.1:${freePort()}`;
  const lines = ["version: 0.1", "log: {level: error}", `storage: {filesystem: {rootdirectory: ${directory}/data}}`];
  lines.push(`http: {addr: "${host}"}`);
  if (account !== undefined) {
    const hash = await Bun.password.hash(account.password, { algorithm: "bcrypt", cost: 4 });
    writeFileSync(`${directory}/htpasswd`, `${account.username}:${hash}\n`);
    lines.push(`auth: {htpasswd: {realm: test, path: ${directory}/htpasswd}}`);
  }
  writeFileSync(`${directory}/config.yml`, `${lines.join("\n")}\n`);
  const child = Bun.spawn([DOCKER_REGISTRY, "serve", `${directory}/config.yml`], {
    stdout: "ignore",
    stderr: "ignore",
  });
  const stop = async () => {
    child.kill("SIGKILL");
    await child.exited;
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await until("the registry answers", async () => (await fetch(`http://${host}/v2/`)).status > 0);
  } catch (error) {
    await stop();
    throw error;
  }
  return { host, [Symbol.asyncDispose]: stop };
}
