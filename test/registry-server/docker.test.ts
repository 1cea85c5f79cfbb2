import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { busyboxImage } from "../fixtures/busybox-image.ts";
import { runProgram } from "../harness/run-program.ts";
import { until } from "../harness/until.ts";
import { type ServerProcess, startServer } from "./server-process.ts";

/** Debian's dockerd as a client of our registry, driven by its own command line and by docker 28's. */
const DOCKERD = "/usr/sbin/dockerd";
const CLIENTS = ["/usr/bin/docker", "/usr/local/bin/docker"].filter((path) => existsSync(path));
const missing = existsSync(DOCKERD) && CLIENTS.length > 0 ? "" : " (docker.io is not installed)";
const TIMEOUT_MS = 60_000;

let folder: string;
let daemon: Bun.Subprocess | undefined;
let open: ServerProcess;
/** Everybody may pull, users may push. */
let mixed: ServerProcess;

beforeAll(async () => {
  if (missing !== "") return;
  folder = mkdtempSync(join(tmpdir(), "gantry-registry-docker-"));
  mkdirSync(join(folder, "config"));
  const hash = Bun.password.hashSync("secret", { algorithm: "bcrypt", cost: 4 });
  writeFileSync(join(folder, "htpasswd"), `me:${hash}\n`);
  const at = (name: string) => join(folder, name);
  const directories = ["--data-root", at("data"), "--exec-root", at("exec"), "--pidfile", at("pid")];
  // Nothing runs on it: no bridge, no firewall.
  const apart = ["--bridge=none", "--iptables=false", "--ip6tables=false", "--storage-driver=vfs"];
  const log = Bun.file(at("log"));
  const command = [DOCKERD, "-H", `unix://${at("docker.sock")}`, ...directories, ...apart];
  daemon = Bun.spawn(command, { cwd: folder, stdin: "ignore", stdout: log, stderr: log });
  [open, mixed] = await Promise.all([
    startServer(at("open")),
    startServer(at("mixed"), ["--htpasswd", at("htpasswd"), "--anonymous-pull"]),
  ]);
  const ping = async () => (await fetch("http://localhost/_ping", { unix: at("docker.sock") })).ok;
  await until("dockerd answers", ping, { timeoutMs: 30_000 });
  await docker(CLIENTS[0] ?? "", "load", "-i", await busyboxImage());
}, TIMEOUT_MS);

afterAll(async () => {
  if (missing !== "") return;
  daemon?.kill("SIGTERM");
  await daemon?.exited;
  await Promise.all([open.stop(), mixed.stop()]);
  await runProgram(["umount", join(folder, "exec/netns/default")]);
  rmSync(folder, { recursive: true, force: true });
});

async function docker(client: string, ...args: string[]): Promise<string> {
  const env = { DOCKER_HOST: `unix://${join(folder, "docker.sock")}`, DOCKER_CONFIG: join(folder, "config") };
  const { code, stdout, stderr } = await runProgram([client, ...args], { env, timeoutMs: TIMEOUT_MS });
  if (code !== 0) throw new Error(`${client} ${args[0]}: ${stderr}`);
  return stdout;
}

const titleOf = (what: string, client: string) =>
  `${client === CLIENTS[0] ? "docker of Debian" : "docker 28"}: ${what}${missing}`;

for (const client of missing === "" ? CLIENTS : [""]) {
  test.skipIf(missing !== "")(
    titleOf("pushes, removes, pulls the same digest, and finds it by search", client),
    async () => {
      const name = `${open.host}/team/${client === CLIENTS[0] ? "old" : "new"}`;
      await docker(client, "tag", "busybox", `${name}:v1`);
      const digest = /digest: (sha256:\w+)/.exec(await docker(client, "push", `${name}:v1`))?.[1];
      await docker(client, "rmi", `${name}:v1`);
      expect(await docker(client, "pull", `${name}:v1`)).toContain(`Digest: ${digest}`);
      expect(await docker(client, "pull", `${name}@${digest}`)).toContain(`Digest: ${digest}`);
      const found = await docker(client, "search", "--format", "{{.Name}}", `${open.host}/team`);
      expect(found.split("\n")).toContain(name.slice(open.host.length + 1));
      const tagged = `${name}-copy:v2`;
      await docker(client, "tag", "busybox", tagged);
      // The layers are mounted from where they were pushed first.
      expect(await docker(client, "push", tagged)).toContain("Mounted from team/");
    },
    TIMEOUT_MS,
  );

  test.skipIf(missing !== "")(
    titleOf("pulls without a log-in what it may push only with one", client),
    async () => {
      const name = `${mixed.host}/app:v1`;
      await docker(client, "tag", "busybox", name);
      expect(await docker(client, "push", name).catch(String)).toMatch(/unauthorized|denied|authentication required/);
      expect(await docker(client, "login", "-u", "me", "-p", "wrong", mixed.host).catch(String)).toMatch(
        /unauthorized|401/,
      );
      await docker(client, "login", "-u", "me", "-p", "secret", mixed.host);
      expect(await docker(client, "push", name)).toContain("digest: sha256:");
      await docker(client, "logout", mixed.host);
      await docker(client, "rmi", name);
      expect(await docker(client, "pull", name)).toContain("Digest: sha256:");
    },
    TIMEOUT_MS,
  );
}
