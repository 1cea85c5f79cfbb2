import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GANTRY } from "../harness/daemon.ts";
import { type ProgramResult, runProgram } from "../harness/run-program.ts";
import { until } from "../harness/until.ts";

const START_TIMEOUT_MS = 15_000;

/** A server as users start it, on a port of its own. */
export interface ServerProcess {
  /** `127.0.0.1:PORT` */
  host: string;
  url: string;
  root: string;
  pid: number;
  /** Standard error of this life. */
  log(): string;
  kill9(): Promise<void>;
  /** SIGTERM, and waits. Returns the exit code. */
  stop(): Promise<number>;
}

/** A directory below the system's temporary one that is removed with `await using`. */
export function temporaryDirectory(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "gantry-registry-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Starts `gantry registry serve` and waits until it listens. Whoever starts it ends it. */
export async function startServer(root: string, flags: string[] = []): Promise<ServerProcess> {
  const logPath = join(tmpdir(), `gantry-registry-log-${crypto.randomUUID()}`);
  const child = Bun.spawn([...GANTRY, "registry", "serve", "--root", root, "--listen", "127.0.0.1:0", ...flags], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: Bun.file(logPath),
  });
  const log = () => readFileSync(logPath, "utf8");
  try {
    const port = await until(
      "the registry listens",
      () => {
        if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${log()}`);
        return /msg="registry listens".* port=(\d+)/.exec(log())?.[1];
      },
      { timeoutMs: START_TIMEOUT_MS },
    );
    const host = `127.0.0.1:${port}`;
    const end = async (signal: "SIGKILL" | "SIGTERM") => {
      child.kill(signal);
      const code = await child.exited;
      rmSync(logPath, { force: true });
      return code;
    };
    const scheme = flags.includes("--tls-certificate") ? "https" : "http";
    return {
      host,
      url: `${scheme}://${host}`,
      root,
      pid: child.pid,
      log,
      kill9: async () => void (await end("SIGKILL")),
      stop: () => end("SIGTERM"),
    };
  } catch (error) {
    child.kill("SIGKILL");
    rmSync(logPath, { force: true });
    throw error;
  }
}

export function registryCommand(...args: string[]): Promise<ProgramResult> {
  return runProgram([...GANTRY, "registry", ...args]);
}
