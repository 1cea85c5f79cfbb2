import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { type FakeDaemon, type FakeOptions, startFakeDaemon } from "./fake-daemon.ts";

const ENTRY = `${import.meta.dir}/../../src/bin/gantry.ts`;
const TIMEOUT_MS = 20_000;

export interface Result {
  code: number;
  out: string;
  err: string;
}

/** A fake daemon in a directory of its own, gone when the block ends. */
export function fakeDaemon(options: FakeOptions = {}): FakeDaemon & Disposable {
  const dir = mkdtempSync(`${tmpdir()}/gantry-cli-`);
  const daemon = startFakeDaemon(`${dir}/d.sock`, options);
  return {
    ...daemon,
    [Symbol.dispose]() {
      daemon.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Starts the command line as a process of its own. */
export function start(
  host: string,
  args: string[],
  options: { stdin?: string; environment?: Record<string, string> } = {},
) {
  return Bun.spawn([process.execPath, "--no-env-file", ENTRY, ...args], {
    env: {
      PATH: process.env["PATH"] ?? "",
      BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
      HOME: "/dev/null/home",
      DOCKER_HOST: host,
      ...options.environment,
    },
    stdin: options.stdin === undefined ? "ignore" : new Blob([options.stdin]),
    stdout: "pipe",
    stderr: "pipe",
    timeout: TIMEOUT_MS,
  });
}

export async function gantry(host: string, args: string[], options: Parameters<typeof start>[2] = {}): Promise<Result> {
  const child = start(host, args, options);
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, out, err };
}

/** The same within a terminal of its own; `typed` is sent when `when` has been seen. */
export async function gantryOnTerminal(
  host: string,
  args: string[],
  keys: { when: string; typed: string }[],
  environment: Record<string, string> = {},
): Promise<{ code: number; screen: string }> {
  let screen = "";
  let next = 0;
  const child = Bun.spawn([process.execPath, "--no-env-file", ENTRY, ...args], {
    env: {
      PATH: process.env["PATH"] ?? "",
      BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
      HOME: "/dev/null/home",
      DOCKER_HOST: host,
      TERM: "xterm",
      ...environment,
    },
    timeout: TIMEOUT_MS,
    terminal: {
      cols: 100,
      rows: 30,
      data(terminal, data) {
        screen += Buffer.from(data).toString();
        const key = keys[next];
        if (key === undefined || !screen.includes(key.when)) return;
        next++;
        terminal.write(key.typed);
      },
    },
  });
  return { code: await child.exited, screen };
}
