import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash, randomFillSync } from "node:crypto";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GANTRY, startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { runProgram } from "../harness/run-program.ts";
import { until } from "../harness/until.ts";

const STREAM_BYTES = 32 * 1024 * 1024;
const TIMEOUT_MS = 60_000;

let daemon: TestDaemon;
let file: string;
let digest: string;

beforeAll(async () => {
  daemon = await startDaemon();
  file = join(daemon.directory, "random");
  const bytes = randomFillSync(Buffer.alloc(STREAM_BYTES));
  writeFileSync(file, bytes);
  digest = createHash("sha256").update(bytes).digest("hex");
}, TIMEOUT_MS);
afterAll(() => daemon[Symbol.asyncDispose](), TIMEOUT_MS);

/** Digest of what our command prints. `pauseMs`: now and then the reader rests so long. */
async function digestOf(args: string[], { input, pauseMs = 0 }: { input?: Blob; pauseMs?: number } = {}) {
  const child = Bun.spawn([...GANTRY, ...args], {
    env: { ...process.env, DOCKER_HOST: daemon.host, DOCKER_CONFIG: join(daemon.directory, "client") },
    stdin: input ?? "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of child.stdout) {
    hash.update(chunk);
    const before = bytes;
    bytes += chunk.length;
    if (pauseMs > 0 && Math.floor(before / 2e6) !== Math.floor(bytes / 2e6)) await Bun.sleep(pauseMs);
  }
  expect(await child.exited).toBe(0);
  return hash.digest("hex");
}

const mounted = () => ["-v", `${file}:/random:ro`];

test(
  "run passes every byte on, with a terminal and without, to a slow reader, too",
  async () => {
    const cat = ["busybox", "cat", "/random"];
    expect(await digestOf(["run", "--rm", ...mounted(), ...cat])).toBe(digest);
    expect(await digestOf(["run", "--rm", ...mounted(), ...cat], { pauseMs: 20 })).toBe(digest);
    const raw = ["busybox", "sh", "-c", "stty raw -echo; cat /random"];
    expect(await digestOf(["run", "--rm", "-t", ...mounted(), ...raw])).toBe(digest);
  },
  TIMEOUT_MS,
);

test(
  "exec passes every byte on, both ways at once",
  async () => {
    await daemon.gantry(["run", "-d", "--name", "target", ...mounted(), "busybox", "sleep", "1000"]);
    expect(await digestOf(["exec", "target", "cat", "/random"])).toBe(digest);
    expect(await digestOf(["exec", "-i", "target", "cat"], { input: Bun.file(file) })).toBe(digest);
    expect(await digestOf(["exec", "-t", "target", "sh", "-c", "stty raw -echo; cat /random"])).toBe(digest);
    await daemon.gantry(["rm", "-f", "target"]);
  },
  TIMEOUT_MS,
);

test(
  "attach passes every byte on",
  async () => {
    const script = "read line; cat /random";
    await daemon.gantry(["run", "-d", "-i", "--name", "waiting", ...mounted(), "busybox", "sh", "-c", script]);
    expect(await digestOf(["attach", "waiting"], { input: new Blob(["go\n"]) })).toBe(digest);
    await daemon.gantry(["rm", "-f", "waiting"]);
  },
  TIMEOUT_MS,
);

test(
  "a container whose client reads nothing can be killed and removed",
  async () => {
    const pipe = join(daemon.directory, "unread");
    await runProgram(["mkfifo", pipe]);
    const unread = openSync(pipe, "r+");
    const child = Bun.spawn([...GANTRY, "run", "--name", "stuck", "busybox", "yes"], {
      env: { ...process.env, DOCKER_HOST: daemon.host, DOCKER_CONFIG: join(daemon.directory, "client") },
      stdin: "ignore",
      stdout: unread,
      stderr: "ignore",
    });
    try {
      await until("the program waits for its reader", isQuiet);
      const removed = await daemon.gantry(["rm", "-f", "stuck"]);
      expect({ code: removed.code, stderr: removed.stderr }).toEqual({ code: 0, stderr: "" });
    } finally {
      child.kill("SIGKILL");
      await child.exited;
      closeSync(unread);
    }
  },
  TIMEOUT_MS,
);

/** Output has come, and for a while no more of it: every buffer on the way to the client is full. */
async function isQuiet(): Promise<boolean> {
  const before = await logged();
  await Bun.sleep(200);
  return before !== "" && before === (await logged());
}

/** The log's last line with its time; "" before the first. */
async function logged(): Promise<string> {
  return (await daemon.gantry(["logs", "-t", "-n", "1", "stuck"])).stdout;
}
