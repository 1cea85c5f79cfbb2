import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf } from "../base/errors.ts";
import { createLogger, type Logger } from "../base/logger.ts";
import { createEngine } from "../engine/create-engine.ts";
import { type DaemonConfig, parseDaemonFlags, resolveDaemonConfig } from "../engine/daemon-config.ts";
import { lockFile } from "../kernel/file-lock.ts";
import { listenTargets, serveApi } from "./serve-api.ts";
import { version } from "../../package.json" with { type: "json" };

/** Built by scripts/build-launcher. */
const LAUNCHER_PATH = new URL("../../build/launcher", import.meta.url).pathname;

/** `gantry daemon`: configuration, lock, engine, API; ends at SIGTERM or SIGINT, leaving the containers running. Returns the exit code. */
export async function runDaemon(argv: string[]): Promise<number> {
  let config: DaemonConfig;
  try {
    config = readConfig(argv);
  } catch (error) {
    process.stderr.write(`gantry daemon: ${messageOf(error)}\n`);
    return 1;
  }
  const logger = createLogger(config.logLevel, (line) => process.stderr.write(line));
  try {
    await serve(config, logger);
    return 0;
  } catch (error) {
    logger.error("the daemon cannot go on", { error });
    process.stderr.write(`gantry daemon: ${messageOf(error)}\n`);
    return 1;
  }
}

function readConfig(argv: string[]): DaemonConfig {
  const { values, configFile, configFileGiven } = parseDaemonFlags(argv);
  let file: Record<string, unknown> = {};
  try {
    file = JSON.parse(readFileSync(configFile, "utf8")) as Record<string, unknown>;
  } catch (error) {
    if (configFileGiven || (error as NodeJS.ErrnoException).code !== "ENOENT")
      throw new Error(`unable to configure the Docker daemon with file ${configFile}: ${messageOf(error)}`);
  }
  return resolveDaemonConfig(values, file);
}

async function serve(config: DaemonConfig, logger: Logger): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error("gantry daemon needs to be started with root privileges");
  const targets = listenTargets(config);
  ownDirectory(config.dataRoot, 0o710);
  ownDirectory(config.execRoot, 0o700);
  const lock = lockFile(`${config.dataRoot}/gantry.lock`);
  if (lock === undefined) throw new Error(`another daemon is using ${config.dataRoot}`);
  mkdirSync(dirname(config.pidFile), { recursive: true });
  writeFileSync(config.pidFile, String(process.pid));
  if (config.ignored.length > 0) logger.debug("settings without effect here", { settings: config.ignored });

  const stopped = stopSignal(logger);
  const engine = await awake(createEngine({ config, logger, launcherPath: LAUNCHER_PATH, version }));
  const api = await serveApi(engine, targets, logger);
  logger.info("API listen on", { hosts: config.hosts });
  await stopped;
  await api.close();
  await engine.close();
  rmSync(config.pidFile, { force: true });
  lock.release();
  logger.info("daemon shut down; containers go on running");
}

/** What an engine waits for at its start (a stray process that it ends) keeps no program alive, and nobody listens yet. */
async function awake<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, 60_000);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

function stopSignal(logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const)
      process.on(signal, () => {
        logger.info("shutting down", { signal });
        resolve();
      });
    process.on("SIGHUP", () => logger.info("configuration is read at start only"));
  });
}

/** Makes it, or closes to others what was there: setuid programs of images lie below (CVE-2021-41091). */
function ownDirectory(path: string, mode: number): void {
  mkdirSync(path, { recursive: true, mode });
  chmodSync(path, statSync(path).mode & mode);
}
