export interface ProgramResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface ProgramOptions {
  env?: Record<string, string>;
  cwd?: string;
  /** Written to standard input, which is then closed. Undefined: /dev/null. */
  input?: string | Uint8Array;
  /** The program is killed after this; the result's code is then 137. */
  timeoutMs?: number;
}

/** Runs a program to its end. A failure is a result: the caller judges the code. */
export async function runProgram(command: string[], options: ProgramOptions = {}): Promise<ProgramResult> {
  const child = Bun.spawn(command, {
    cwd: options.cwd ?? "/",
    env: { ...process.env, ...options.env },
    stdin: options.input === undefined ? "ignore" : Buffer.from(options.input),
    stdout: "pipe",
    stderr: "pipe",
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? 20_000);
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  clearTimeout(timer);
  return { code, stdout, stderr };
}
