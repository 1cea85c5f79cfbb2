import { constants } from "node:os";
import { EngineError } from "../base/errors.ts";
import { ptr, trySyscall } from "./libc.ts";

/** What a program may print; `ps` of a full machine is a few hundred KiB. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
const TIMEOUT_MS = 30_000;
/** A keychain may ask the user to unlock it. */
const INTERACTIVE_TIMEOUT_MS = 120_000;

/** Runs one of the host's programs to its end and returns what it prints. Throws internal with its error output. */
export async function runProgram(argv: string[]): Promise<string> {
  const child = Bun.spawn(argv, {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: TIMEOUT_MS,
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0) throw new EngineError("internal", `${argv[0]}: ${errors.trim() || `exit status ${code}`}`);
  return output;
}

/**
 * Runs a program of the user's with `input`; its error output goes where ours goes. Any exit code is a result. Throws not-found when
 * it is not in PATH, unavailable when it takes too long: then it is killed.
 */
export async function runWithInput(
  argv: string[],
  input: string,
  timeoutMs = INTERACTIVE_TIMEOUT_MS,
): Promise<{ code: number; out: string }> {
  const child = startWithInput(argv, input);
  const ended = Promise.all([child.stdout.text(), child.exited]).then(([out, code]) => ({ out, code }));
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), timeoutMs);
  try {
    const result = await Promise.race([ended, late]);
    if (result !== undefined) return result;
    child.kill("SIGKILL");
    throw new EngineError("unavailable", `${argv[0]}: gave no answer within ${timeoutMs / 1000} s`);
  } finally {
    clearTimeout(timer);
  }
}

function startWithInput(argv: string[], input: string) {
  try {
    const stdin = Buffer.from(input);
    return Bun.spawn(argv, { stdin, stdout: "pipe", stderr: "inherit", maxBuffer: MAX_OUTPUT_BYTES });
  } catch (cause) {
    if ((cause as { code?: string }).code !== "ENOENT") throw cause;
    throw new EngineError("not-found", `${argv[0]}: executable file not found in $PATH`, { cause });
  }
}

export interface ToolOptions {
  /** All of it: nothing of the daemon's own environment is passed on. */
  env: Record<string, string>;
  cwd: string;
  timeoutMs: number;
  /** No file that the program writes may be larger. */
  maxFileBytes: number;
  signal: AbortSignal;
}

const RLIMIT_FSIZE = 1;
const MAX_ERROR_TEXT = 2000;
const { SIGKILL } = constants.signals;

/**
 * Runs one of the host's programs with nothing to read, and returns what it prints. Throws not-found when it is not there, unavailable
 * with its last words when it fails or takes too long: then it is killed, with its children.
 */
export async function runTool(
  argv: string[],
  { env, cwd, timeoutMs, maxFileBytes, signal }: ToolOptions,
): Promise<string> {
  signal.throwIfAborted();
  const child = startTool(argv, { env, cwd });
  const limit = new BigUint64Array([BigInt(maxFileBytes), BigInt(maxFileBytes)]);
  trySyscall("prlimit64", child.pid, RLIMIT_FSIZE, ptr(limit), 0);
  let isLate = false;
  const kill = () => killGroup(child.pid);
  const timer = setTimeout(() => {
    isLate = true;
    kill();
  }, timeoutMs);
  signal.addEventListener("abort", kill, { once: true });
  try {
    const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    signal.throwIfAborted();
    if (isLate) throw new EngineError("unavailable", `${argv[0]}: took longer than ${timeoutMs / 1000} s`);
    if (code !== 0) throw new EngineError("unavailable", lastWords(errors) || `${argv[0]}: exit status ${code}`);
    return output;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", kill);
  }
}

function startTool(argv: string[], options: { env: Record<string, string>; cwd: string }) {
  try {
    // A session of its own: it has no terminal to ask at, and its children end with it.
    return Bun.spawn(argv, {
      ...options,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      maxBuffer: MAX_OUTPUT_BYTES,
      detached: true,
    });
  } catch (cause) {
    if ((cause as { code?: string }).code !== "ENOENT") throw cause;
    throw new EngineError("not-found", `${argv[0]}: executable file not found in $PATH`, { cause });
  }
}

function killGroup(pid: number): void {
  trySyscall("kill", -pid, SIGKILL);
}

function lastWords(errors: string): string {
  return errors.trim().slice(-MAX_ERROR_TEXT);
}
