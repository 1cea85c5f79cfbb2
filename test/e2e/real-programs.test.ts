import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { debianImage } from "../fixtures/debian-image.ts";
import { GANTRY, startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { startInTerminal } from "../harness/terminal.ts";
import { until } from "../harness/until.ts";

/** The commands of a first week with containers, with Debian's own programs inside. */
let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await startDaemon();
  await daemon.load(await debianImage());
  for (const name of ["ubuntu", "nginx", "redis"]) await gantry("tag", "debian", name);
}, 120_000);
afterEach(() => daemon?.removeContainers());
afterAll(() => daemon?.[Symbol.asyncDispose](), 60_000);

async function gantry(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon.gantry(args);
  if (code !== 0) throw new Error(`gantry ${args.join(" ")}: exit code ${code}: ${stderr}`);
  return stdout.trim();
}

test("nginx serves a page of the host on a published port, and logs the request", async () => {
  const html = join(daemon.directory, "docker-nginx/html");
  mkdirSync(html, { recursive: true });
  writeFileSync(join(html, "index.html"), "<h1>from the host</h1>\n");
  const options = ["--name", "docker-nginx", "-p", "127.0.0.1:0:80", "-v", `${html}:/usr/share/nginx/html`];
  await gantry("run", "-d", ...options, "nginx", "nginx", "-g", "daemon off;");
  const url = `http://${await gantry("port", "docker-nginx", "80")}/`;
  expect(await until("nginx answers", async () => (await fetch(url)).text())).toBe("<h1>from the host</h1>\n");
  writeFileSync(join(html, "index.html"), "changed\n");
  expect(await (await fetch(url)).text()).toBe("changed\n");
  const curl = await daemon.client(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", `${url}missing`]);
  expect(curl.stdout).toBe("404");
  await until("the log has the request", async () =>
    (await gantry("logs", "docker-nginx")).includes('"GET /missing HTTP/1.1" 404'),
  );
  await gantry("stop", "-t", "5", "docker-nginx");
  expect(await gantry("inspect", "-f", "{{.State.ExitCode}} {{.State.OOMKilled}}", "docker-nginx")).toBe("0 false");
  await gantry("rm", "docker-nginx");
});

test("redis keeps its data in a named volume when its container is replaced", async () => {
  const start = () =>
    gantry(
      "run",
      "-d",
      "--name",
      "db",
      "-v",
      "redis-data:/data",
      "-w",
      "/data",
      "redis",
      "redis-server",
      "--appendonly",
      "yes",
    );
  const answers = () =>
    until("redis answers", async () => (await gantry("exec", "db", "redis-cli", "ping")) === "PONG");
  await start();
  await answers();
  expect(await gantry("exec", "db", "redis-cli", "set", "key", "value")).toBe("OK");
  await gantry("stop", "db");
  await gantry("rm", "db");
  await start();
  await answers();
  expect(await gantry("exec", "db", "redis-cli", "get", "key")).toBe("value");
  await gantry("rm", "-f", "db");
  await gantry("volume", "rm", "redis-data");
});

test("an interactive bash: look round, exit; the container stops, stays, and can be started again", async () => {
  const command = ["run", "-t", "-i", "--name", "shell", "ubuntu", "/bin/bash"];
  const terminal = startInTerminal([...GANTRY, ...command], { env: { DOCKER_HOST: daemon.host } });
  try {
    await terminal.expect(/root@[0-9a-f]{12}:\/# /);
    terminal.type("pwd; ls\r");
    await terminal.expect(/lib64/);
    terminal.type("exit\r");
    expect(await terminal.exited).toBe(0);
  } finally {
    terminal.close();
  }
  expect(await gantry("ps", "-a", "--format", "{{.Names}} {{.Status}}")).toMatch(/^shell Exited \(0\)/);
  await gantry("start", "shell");
  expect(await gantry("ps", "--format", "{{.Names}}")).toBe("shell");
  await gantry("rm", "-f", "shell");
});

test("a data volume container is backed up and restored", async () => {
  const backup = join(daemon.directory, "backup");
  mkdirSync(backup);
  await gantry("create", "-v", "/dbdata", "--name", "dbstore", "ubuntu", "/bin/true");
  await gantry("run", "--rm", "--volumes-from", "dbstore", "ubuntu", "bash", "-c", "echo row > /dbdata/table");
  await gantry(
    "run",
    "--rm",
    "--volumes-from",
    "dbstore",
    "-v",
    `${backup}:/backup`,
    "ubuntu",
    "tar",
    "cvf",
    "/backup/backup.tar",
    "/dbdata",
  );
  await gantry("run", "-v", "/dbdata", "--name", "dbstore2", "ubuntu", "/bin/true");
  const restore = "cd /dbdata && tar xvf /backup/backup.tar --strip 1";
  await gantry("run", "--rm", "--volumes-from", "dbstore2", "-v", `${backup}:/backup`, "ubuntu", "bash", "-c", restore);
  expect(await gantry("run", "--rm", "--volumes-from", "dbstore2", "ubuntu", "cat", "/dbdata/table")).toBe("row");
  await gantry("rm", "-v", "dbstore", "dbstore2");
  expect(await gantry("volume", "ls", "-q")).toBe("");
});

test("-P publishes what the image exposes, inspect tells where", async () => {
  await gantry("run", "-d", "-P", "--expose", "80", "--name", "web", "nginx", "nginx", "-g", "daemon off;");
  const port = await gantry("inspect", "-f", '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}', "web");
  expect(await until("nginx answers", async () => (await fetch(`http://127.0.0.1:${port}/`)).status)).toBe(200);
  await gantry("stop", "web");
  await gantry("rm", "web");
});

test("info shows the backing file system", async () => {
  expect(await gantry("info")).toMatch(/Backing Filesystem: \S+/);
});

test("nothing is left when every container is removed", async () => {
  expect(await daemon.leakCheck()).toEqual([]);
});
