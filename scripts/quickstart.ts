import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/**
 * The quick start: a daemon on its own socket and directories, a base image made of busybox, a small web server in a container
 * with a published port, one look at everything, and nothing left behind. Shows the commands that it runs, as one would type them.
 */
const ROOT = resolve(import.meta.dir, "..");
const GANTRY = existsSync(join(ROOT, "bin/gantry"))
  ? [join(ROOT, "bin/gantry")]
  : [process.execPath, join(ROOT, "src/bin/gantry.ts")];
/** The daemon runs from its sources: its workers are files of their own. */
const DAEMON = [process.execPath, join(ROOT, "src/bin/gantry.ts"), "daemon"];
const BRIDGE = "gantryqs0";
const SUBNET = "10.249.17";
const CGROUP_PARENT = "/gantry-quickstart";
const START_TIMEOUT_MS = 15_000;
const PAGE_TIMEOUT_MS = 10_000;
const COLOUR = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;

const home = mkdtempSync(join(tmpdir(), "gantry-quickstart-"));
const socket = join(home, "gantry.sock");

function paint(code: string, text: string): string {
  return COLOUR ? `\x1b[${code}m${text}\x1b[0m` : text;
}

function step(text: string): void {
  console.log(`\n${paint("1;36", "▸")} ${paint("1", text)}`);
}

/** Shows a command, runs it, shows what it printed. Throws when it fails. */
async function gantry(args: string[], options: { quiet?: boolean } = {}): Promise<string> {
  console.log(paint("2", `  $ gantry ${args.map(quoted).join(" ").replaceAll(`${home}/`, "")}`));
  const started = performance.now();
  const child = Bun.spawn([...GANTRY, ...args], {
    cwd: home,
    env: { ...process.env, DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: join(home, "client") },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`gantry ${args.join(" ")}: exit code ${code}: ${errors}${output}`);
  if (options.quiet !== true) for (const line of (output + errors).trimEnd().split("\n")) console.log(`  ${line}`);
  console.log(paint("2", `  (${Math.round(performance.now() - started)} ms)`));
  return output.trim();
}

function quoted(argument: string): string {
  return /^[\w./:=@-]+$/.test(argument) ? argument : `'${argument}'`;
}

async function startDaemon(): Promise<Bun.Subprocess> {
  const log = openSync(join(home, "daemon.log"), "a");
  const flags = [
    "--data-root",
    join(home, "data"),
    "--exec-root",
    join(home, "exec"),
    "--pidfile",
    join(home, "gantry.pid"),
    "-H",
    `unix://${socket}`,
    "--bridge",
    BRIDGE,
    "--bip",
    `${SUBNET}.1/24`,
    "--cgroup-parent",
    CGROUP_PARENT,
  ];
  const daemon = Bun.spawn([...DAEMON, ...flags], { cwd: home, stdin: "ignore", stdout: log, stderr: log });
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadline && daemon.exitCode === null) {
    const answer = await fetch("http://localhost/_ping", { unix: socket }).catch(() => undefined);
    if (answer?.ok === true) return daemon;
    await Bun.sleep(20);
  }
  await stopProcess(daemon);
  throw new Error(`the daemon does not answer:\n${readFileSync(join(home, "daemon.log"), "utf8")}`);
}

async function stopProcess(child: Bun.Subprocess): Promise<void> {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await child.exited;
  clearTimeout(timer);
}

/** A root file system of one static program and its names; then a page on top. What `build` will do from a Dockerfile. */
async function makeRoot(): Promise<string> {
  const root = join(home, "root");
  for (const name of ["bin", "etc", "tmp", "var/www"]) mkdirSync(join(root, name), { recursive: true });
  copyFileSync("/bin/busybox", join(root, "bin/busybox"));
  const applets = await new Response(Bun.spawn(["/bin/busybox", "--list"], { stdout: "pipe" }).stdout).text();
  for (const applet of applets.trim().split("\n"))
    if (applet !== "busybox") symlinkSync("busybox", join(root, "bin", applet));
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\nnobody:x:65534:\n");
  writeFileSync(join(root, "var/www/index.html"), "<h1>Hello from a Gantry container</h1>\n");
  const tar = join(home, "root.tar");
  await Bun.spawn(["tar", "--numeric-owner", "-C", root, "-cf", tar, "."]).exited;
  return tar;
}

async function fetchPage(port: string): Promise<string> {
  const url = `http://127.0.0.1:${port}/`;
  console.log(paint("2", `  $ curl ${url}`));
  const deadline = performance.now() + PAGE_TIMEOUT_MS;
  for (;;) {
    const page = await fetch(url).then(
      (response) => response.text(),
      () => undefined,
    );
    if (page !== undefined) return page.trim();
    if (performance.now() > deadline) throw new Error(`${url} does not answer`);
    await Bun.sleep(20);
  }
}

async function tour(): Promise<void> {
  step("Make an image from a root file system: one static program and a page");
  await gantry(["import", "-c", 'CMD ["sh"]', "-c", "WORKDIR /var/www", await makeRoot(), "hello:v1"]);
  await gantry(["images"]);

  step("Run a command in a container");
  await gantry(["run", "--rm", "hello:v1", "echo", "Hello world"]);

  step("Run a web server, publish its port, fetch the page");
  await gantry([
    "run",
    "-d",
    "--name",
    "web",
    "-p",
    "127.0.0.1:0:80",
    "hello:v1",
    "httpd",
    "-f",
    "-v",
    "-p",
    "80",
    "-h",
    "/var/www",
  ]);
  const port = (await gantry(["port", "web", "80"])).split(":").at(-1) ?? "";
  console.log(`  ${paint("32", await fetchPage(port))}`);

  step("Look at it");
  await gantry(["ps"]);
  await gantry(["logs", "web"]);
  await gantry(["exec", "web", "ps"]);

  step("Stop and remove it");
  await gantry(["stop", "-t", "1", "web"]);
  await gantry(["rm", "web"]);
}

async function cleanUp(daemon: Bun.Subprocess | undefined): Promise<void> {
  if (daemon !== undefined) {
    for (const id of await runningContainers()) await gantry(["rm", "-f", id], { quiet: true });
    await stopProcess(daemon);
  }
  removeBridge();
  await Bun.spawn(["sh", "-c", `rmdir /sys/fs/cgroup${CGROUP_PARENT} /sys/fs/cgroup/*${CGROUP_PARENT}`], {
    stderr: "ignore",
  }).exited;
  rmSync(home, { recursive: true, force: true });
}

/** What a daemon leaves for the next one. Neither program need be installed. */
function removeBridge(): void {
  for (const command of [
    ["ip", "link", "delete", BRIDGE],
    ["nft", "delete", "table", "inet", `gantry-${BRIDGE}`],
  ]) {
    try {
      Bun.spawnSync(command);
    } catch {
      console.log(`  (${command[0]} is not installed: ${command.slice(1).join(" ")} is left to you)`);
    }
  }
}

async function runningContainers(): Promise<string[]> {
  const answer = await fetch("http://localhost/containers/json?all=1", { unix: socket }).catch(() => undefined);
  return answer?.ok === true ? ((await answer.json()) as { Id: string }[]).map(({ Id }) => Id) : [];
}

let daemon: Bun.Subprocess | undefined;
let code = 0;
try {
  step("Start a daemon on a socket and in directories of its own");
  daemon = await startDaemon();
  console.log(`  pid ${daemon.pid}, socket ${socket}`);
  await tour();
} catch (error) {
  code = 1;
  console.error(`\n${paint("1;31", "✗")} ${error instanceof Error ? error.message : String(error)}`);
} finally {
  await cleanUp(daemon);
}
if (code === 0) console.log(`\n${paint("1;32", "✓")} Done: everything is removed again. Next: bin/gantry --help`);
process.exit(code);
