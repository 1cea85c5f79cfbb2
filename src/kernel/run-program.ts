import { EngineError } from "../base/errors.ts";

/** What a program may print; `ps` of a full machine is a few hundred KiB. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
const TIMEOUT_MS = 30_000;

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
