import { EngineError } from "../base/errors.ts";

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
