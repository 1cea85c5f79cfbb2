import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import type { ContainerSpec, MountSpec } from "../../src/containers/container-spec.ts";
import { runProgram } from "../../src/kernel/run-program.ts";
import type { Attachment } from "../../src/runtime/launcher/launcher.ts";
import { until } from "../harness/until.ts";
import { readAll, splitFrames } from "../launcher/box.ts";
import { containerSpec } from "./spec.ts";
import { openTestContainers, removeTerritory, type TestContainers } from "./territory.ts";

/** Attacks 19 and 20: who a process runs as is decided by files that the container can make into anything. */
const directory = mkdtempSync(`${tmpdir()}/gantry-users-`);
let system: TestContainers;

beforeAll(async () => {
  system = await openTestContainers(directory);
  await system.containers.recover();
});
afterAll(() => removeTerritory(directory, system));
afterEach(async () => {
  for (const { id } of await system.containers.list({ all: true, limit: 0, size: false, filters: {} })) {
    await system.containers.remove(id, { force: true, volumes: true, link: false });
  }
});

const never = new AbortController().signal;
/** A start takes some milliseconds; a file that is read to its end, or waited for, takes for ever. */
const BOUND_MS = 3000;
const MEMORY_BYTES = 200 * 1024 * 1024;

function specFor(user: string, script: string): ContainerSpec {
  const spec = containerSpec(["sh", "-c", script]);
  return { ...spec, process: { ...spec.process, user } };
}

/** "started", or the text of the error. */
const outcomeOf = (starting: Promise<unknown>) =>
  starting.then(
    () => "started",
    (error: Error) => error.message,
  );

async function within<T>(work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await work();
  expect(performance.now() - began).toBeLessThan(BOUND_MS);
  return result;
}

/** A container that has done `script` and sleeps. */
async function prepared(script: string, changes: Partial<ContainerSpec> = {}): Promise<{ id: string; upper: string }> {
  const { containers } = system;
  const { id } = await containers.create({ ...specFor("0", `${script}; touch /done; sleep 600`), ...changes });
  await containers.start(id);
  const { upper } = (await containers.get(id)).snapshotDirs;
  await until("the files are made", () => Bun.file(`${upper}/done`).exists());
  return { id, upper };
}

async function exec(id: string, user: string): Promise<unknown> {
  const execId = await system.containers.createExec(id, { ...EXEC, user });
  return system.containers.startExec(execId, { detach: true, tty: false, signal: never });
}

const EXEC = {
  command: ["true"],
  environment: [],
  workingDir: "",
  tty: false,
  privileged: false,
  attachStdin: false,
  attachStdout: false,
  attachStderr: false,
  detachKeys: "",
  consoleSize: [0, 0] as [number, number],
};

const UNKNOWN = "unable to find user daemon: no matching entries in passwd file";
const TOO_LARGE = "/etc/passwd is larger than 8388608 bytes";

describe("attack 20: /etc/passwd is", () => {
  test.each([
    ["a FIFO", "rm /etc/passwd; mkfifo /etc/passwd", UNKNOWN],
    ["a link to /dev/zero", "ln -sf /dev/zero /etc/passwd", UNKNOWN],
    ["a device like /dev/zero", "rm /etc/passwd; mknod /etc/passwd c 1 5", UNKNOWN],
    ["a link to itself", "ln -sf /etc/passwd /etc/passwd", UNKNOWN],
    ["a link to the host's", "ln -sf /proc/1/root/etc/passwd /etc/passwd", UNKNOWN],
    ["a directory", "rm /etc/passwd; mkdir /etc/passwd", UNKNOWN],
    ["1 GB long", "truncate -s 1G /etc/passwd", TOO_LARGE],
  ])("%s: bounded time, and said clearly by exec and by the next start", async (_, sabotage, expected) => {
    const { id } = await prepared(sabotage);
    expect(await within(() => outcomeOf(exec(id, "daemon")))).toBe(expected);
    await system.containers.stop(id, {});
    const restarted = await within(() => outcomeOf(system.containers.start(id)));
    expect(restarted).toBe(expected === TOO_LARGE ? TOO_LARGE : "started");
  });

  test("a FIFO that the user mounts there: not looked at, as with Docker", async () => {
    const fifo = `${directory}/fifo`;
    await runProgram(["mkfifo", fifo]);
    const flags = { createSource: false, nonRecursive: false, readOnlyNonRecursive: false };
    const mount: MountSpec = {
      type: "bind",
      source: fifo,
      ...flags,
      readOnlyForceRecursive: false,
      destination: "/etc/passwd",
      readOnly: false,
      from: "binds",
      mode: "",
    };
    const { id } = await within(() => prepared("true", { mounts: [mount] }));
    expect(await within(() => outcomeOf(exec(id, "0")))).toBe("started");
  });

  test("full of lines up to the limit: bounded time and memory", async () => {
    const { id } = await prepared("for f in passwd group; do yes a:x:1:1::: | head -c 8000000 > /etc/$f; done");
    const before = process.memoryUsage().rss;
    for (let count = 0; count < 5; count++) {
      expect(await within(() => outcomeOf(exec(id, "daemon")))).toBe(UNKNOWN);
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(MEMORY_BYTES);
  });
});

describe("attack 19: the user", () => {
  async function uidOf(user: string, passwd: string): Promise<string> {
    const { containers } = system;
    const { id } = await prepared(`printf '${passwd}' >> /etc/passwd`);
    try {
      const execId = await containers.createExec(id, { ...EXEC, user, attachStdout: true, command: ["id", "-u"] });
      const attachment = await containers.startExec(execId, { detach: false, tty: false, signal: never });
      return splitFrames(await readAll(attachment as Attachment)).stdout.trim();
    } catch (error) {
      return (error as Error).message;
    }
  }

  test.each([
    ["0x0", "unable to find user 0x0: no matching entries in passwd file"],
    ["4294967296", "uids and gids must be in range 0-2147483647"],
    ["2147483648", "uids and gids must be in range 0-2147483647"],
    ["-1", "uids and gids must be in range 0-2147483647"],
    [" 1000", "unable to find user  1000: no matching entries in passwd file"],
    ["1000", "1000"],
  ])("%p never comes to mean root", async (user, expected) => {
    expect(await uidOf(user, "1000:x:0:0::/:/bin/sh\\n")).toBe(expected);
  });
});
