import { randomBytes, randomInt } from "node:crypto";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { busyboxImage } from "../fixtures/busybox-image.ts";
import { findLeaks, removeCgroups, type Territory } from "./leaks.ts";
import { type ProgramOptions, type ProgramResult, runProgram } from "./run-program.ts";
import { until } from "./until.ts";

const ROOT = resolve(import.meta.dir, "../..");
const START_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 20_000;

export interface DaemonOptions {
  /** More flags of `gantry daemon`. */
  flags?: string[];
  env?: Record<string, string>;
  /** Load `busybox:latest`. Default: yes. */
  busybox?: boolean;
  /** A directory for the data root (a small file system, for example) instead of one of its own. */
  dataRoot?: string;
  /** Words before the daemon's own command line, as `unshare -m`. They must end in an exec: the pid stays. */
  wrapper?: string[];
  /** A bridge for a thousand containers (/22) instead of 254 addresses. */
  wideSubnet?: boolean;
}

/** A daemon of ours on its own socket, directories, bridge, subnet and cgroup parent. */
export interface TestDaemon extends Territory {
  socket: string;
  /** Value of DOCKER_HOST. */
  host: string;
  /** First three numbers of the bridge's /24: the gateway is `<subnet>.1`. */
  subnet: string;
  /** What the daemon wrote to its standard error, over all its lives. */
  log(): string;
  request(path: string, init?: RequestInit): Promise<Response>;
  /** Our own command against this daemon. */
  gantry(args: string[], options?: ProgramOptions): Promise<ProgramResult>;
  /** Another program with DOCKER_HOST set to this daemon. */
  client(command: string[], options?: ProgramOptions): Promise<ProgramResult>;
  load(archive: string): Promise<void>;
  kill9(): Promise<void>;
  /** SIGTERM, and waits for its end. Returns the exit code. */
  stop(): Promise<number>;
  /** Starts it again after `stop` or `kill9`. `env`: for this life only, besides the options'. */
  start(env?: Record<string, string>): Promise<void>;
  /** Of the present life: its exit code. */
  exited(): Promise<number>;
  /** One request with JSON both ways. Throws where the answer is an error, unless `allow` has its status. */
  call<T = unknown>(method: string, path: string, body?: unknown, allow?: number[]): Promise<T>;
  /** Removes every container, so that a test that failed does not spoil the next. */
  removeContainers(): Promise<void>;
  /** Removes every container, then says what is left of them. */
  leakCheck(): Promise<string[]>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Our command, from the sources: `gantry …` without a bundle. */
export const GANTRY = [process.execPath, join(ROOT, "src/bin/gantry.ts")];

/** The command as users run it: the bundle if there is one. */
export const GANTRY_BIN = join(ROOT, "bin/gantry");

/** Starts a daemon and waits until it answers. Dispose it: containers, directories, bridge and cgroups go with it. */
export async function startDaemon(options: DaemonOptions = {}): Promise<TestDaemon> {
  let child: Bun.Subprocess | undefined;
  const territory = { ...newTerritory(options), pid: () => child?.pid ?? 0 };
  const { directory } = territory;
  const socket = join(directory, "gantry.sock");
  const logPath = join(directory, "daemon.log");
  const subnet = `10.${randomInt(200, 250)}.${randomInt(1, 63) * 4}`;
  const bip = `${subnet}.1/${options.wideSubnet === true ? 22 : 24}`;
  const flags = daemonFlags(territory, socket, bip);

  const request = (path: string, init: RequestInit = {}) =>
    fetch(`http://localhost${path}`, { ...init, unix: socket } as RequestInit);
  const client = (command: string[], programOptions: ProgramOptions = {}) =>
    runProgram(command, { ...programOptions, env: clientEnvironment(socket, directory, programOptions.env) });
  const start = async (env: Record<string, string> = {}) => {
    child = spawnDaemon([...flags, ...(options.flags ?? [])], logPath, {
      wrapper: options.wrapper ?? [],
      env: { ...options.env, ...env },
    });
    const spawned = child;
    const answers = async () => spawned.exitCode !== null || (await request("/_ping")).ok;
    try {
      await until("the daemon answers", answers, { timeoutMs: START_TIMEOUT_MS });
      if (spawned.exitCode !== null) throw new Error(`the daemon ended with ${spawned.exitCode}`);
    } catch (error) {
      throw new Error(`${String(error)}\n${readFileSync(logPath, "utf8").slice(-4000)}`);
    }
  };
  const end = async (signal: NodeJS.Signals): Promise<number> => {
    if (child === undefined) return 0;
    child.kill(signal);
    const timer = setTimeout(() => child?.kill("SIGKILL"), STOP_TIMEOUT_MS);
    const code = await child.exited;
    clearTimeout(timer);
    return code;
  };
  const daemon: TestDaemon = {
    ...territory,
    socket,
    host: `unix://${socket}`,
    subnet,
    log: () => (existsSync(logPath) ? readFileSync(logPath, "utf8") : ""),
    request,
    gantry: (args, programOptions) => client([...GANTRY, ...args], programOptions),
    client,
    load: (archive) => loadImage(request, archive),
    kill9: async () => void (await end("SIGKILL")),
    stop: () => end("SIGTERM"),
    start,
    exited: async () => (await child?.exited) ?? 0,
    call: (method, path, body, allow) => callJson(request, { method, path, body, allow: allow ?? [] }),
    removeContainers: () => removeContainers(request),
    leakCheck: async () => {
      await removeContainers(request);
      return findLeaks(territory);
    },
    [Symbol.asyncDispose]: async () => {
      await removeContainers(request).catch(() => undefined);
      await end("SIGTERM");
      await removeTerritory(territory, options);
    },
  };
  try {
    await start();
    if (options.busybox !== false) await daemon.load(await busyboxImage());
  } catch (error) {
    await daemon[Symbol.asyncDispose]();
    throw error;
  }
  return daemon;
}

function newTerritory(options: DaemonOptions): Omit<Territory, "pid"> {
  const name = randomBytes(3).toString("hex");
  const directory = mkdtempSync(join(tmpdir(), `gantry-test-${name}-`));
  const dataRoot = options.dataRoot ?? join(directory, "data");
  mkdirSync(dataRoot, { recursive: true });
  return {
    directory,
    execRoot: join(directory, "exec"),
    dataRoot,
    bridge: `gt${name}`,
    cgroupParent: `/gantry-test-${name}`,
  };
}

function daemonFlags(territory: Territory, socket: string, bip: string): string[] {
  return [
    "--data-root",
    territory.dataRoot,
    "--exec-root",
    territory.execRoot,
    "--pidfile",
    join(territory.directory, "gantry.pid"),
    "-H",
    `unix://${socket}`,
    "--bridge",
    territory.bridge,
    "--bip",
    bip,
    "--cgroup-parent",
    territory.cgroupParent,
  ];
}

function spawnDaemon(
  flags: string[],
  logPath: string,
  { wrapper, env }: { wrapper: string[]; env: Record<string, string> },
): Bun.Subprocess {
  const log = openSync(logPath, "a");
  try {
    return Bun.spawn([...wrapper, ...GANTRY, "daemon", ...flags], {
      cwd: "/",
      env: { ...process.env, ...env },
      stdin: "ignore",
      stdout: log,
      stderr: log,
    });
  } finally {
    closeSync(log);
  }
}

async function callJson<T>(
  request: Request,
  { method, path, body, allow }: { method: string; path: string; body: unknown; allow: number[] },
): Promise<T> {
  const init: RequestInit = { method, headers: { "Content-Type": "application/json" } };
  if (body !== undefined) init.body = JSON.stringify(body);
  const response = await request(path, init);
  const text = await response.text();
  if (!response.ok && response.status !== 304 && !allow.includes(response.status))
    throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

function clientEnvironment(
  socket: string,
  directory: string,
  env: Record<string, string> = {},
): Record<string, string> {
  return { DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: join(directory, "client"), HOME: directory, ...env };
}

type Request = TestDaemon["request"];

async function loadImage(request: Request, archive: string): Promise<void> {
  const response = await request("/images/load?quiet=1", {
    method: "POST",
    headers: { "Content-Type": "application/x-tar" },
    body: Bun.file(archive),
  });
  const text = await response.text();
  if (!response.ok || text.includes('"error"')) throw new Error(`loading ${archive}: ${response.status} ${text}`);
}

async function removeContainers(request: Request): Promise<void> {
  const list = (await (await request("/containers/json?all=1")).json()) as { Id: string }[];
  await Promise.all(list.map(({ Id }) => request(`/containers/${Id}?force=1&v=1`, { method: "DELETE" })));
}

async function removeTerritory(territory: Territory, options: DaemonOptions): Promise<void> {
  await removeCgroups(territory);
  await runProgram(["ip", "link", "delete", territory.bridge]);
  await runProgram(["nft", "delete", "table", "inet", `gantry-${territory.bridge}`]);
  if (options.dataRoot !== undefined) rmSync(join(options.dataRoot), { recursive: true, force: true });
  rmSync(territory.directory, { recursive: true, force: true });
}
