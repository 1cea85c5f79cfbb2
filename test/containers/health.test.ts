import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import type { ContainerSpec, HealthcheckSpec } from "../../src/containers/container-spec.ts";
import { until } from "../harness/until.ts";
import { containerSpec } from "./spec.ts";
import { openTestContainers, removeTerritory, type TestContainers } from "./territory.ts";

const directory = mkdtempSync(`${tmpdir()}/gantry-health-`);
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
  system.events.length = 0;
});

const MS = 1_000_000;

async function start(shell: string, check: Partial<HealthcheckSpec>, changes: Partial<ContainerSpec> = {}) {
  const healthcheck = {
    test: ["CMD-SHELL", shell],
    intervalNs: 50 * MS,
    timeoutNs: 5000 * MS,
    startPeriodNs: 0,
    startIntervalNs: 0,
    retries: 2,
    ...check,
  };
  const { id } = await system.containers.create(containerSpec(["sleep", "600"], { healthcheck, ...changes }));
  await system.containers.start(id);
  return id;
}

const healthOf = async (id: string) => (await system.containers.get(id)).health;
const reaches = (id: string, status: string) =>
  until(`it is ${status}`, async () => (await healthOf(id))?.status === status, { timeoutMs: 10_000 });
const events = () => system.events.map(({ action }) => action).filter((action) => action.startsWith("health_status"));

test("a check that succeeds, fails and succeeds again moves the status, with an event each", async () => {
  const id = await start("echo probing; test ! -e /sick", {});
  expect(await healthOf(id)).toMatchObject({ status: "starting", failingStreak: 0, log: [] });
  await reaches(id, "healthy");
  const exec = async (command: string[]) => {
    const none = { environment: [], workingDir: "", user: "", detachKeys: "", consoleSize: [0, 0] as [number, number] };
    const flags = { tty: false, privileged: false, attachStdin: false, attachStdout: false, attachStderr: false };
    const execId = await system.containers.createExec(id, { command, ...none, ...flags });
    await system.containers.startExec(execId, { detach: true, tty: false, signal: new AbortController().signal });
  };
  await exec(["touch", "/sick"]);
  await reaches(id, "unhealthy");
  const { failingStreak, log } = (await healthOf(id)) as NonNullable<Awaited<ReturnType<typeof healthOf>>>;
  expect(failingStreak).toBeGreaterThanOrEqual(2);
  expect(log.length).toBeLessThanOrEqual(5);
  expect(log.at(-1)).toMatchObject({ exitCode: 1, output: "probing\n" });
  await exec(["rm", "/sick"]);
  await reaches(id, "healthy");
  expect(events()).toEqual(["health_status: healthy", "health_status: unhealthy", "health_status: healthy"]);
  expect((await system.containers.get(id)).execIds).toEqual([]);
});

test("a probe that takes too long is killed and counts as failed", async () => {
  const id = await start("echo slow; exec sleep 600", { timeoutNs: 100 * MS });
  await reaches(id, "unhealthy");
  expect((await healthOf(id))?.log.at(-1)).toMatchObject({
    exitCode: -1,
    output: "Health check exceeded timeout (100ms): slow\n",
  });
  // One probe at a time, and none of them stays.
  expect((await system.containers.top(id, "")).processes.length).toBeLessThanOrEqual(2);
});

test("a program that is not there is a failed probe, and says so", async () => {
  const id = await start("", { test: ["CMD", "/nope"] });
  await reaches(id, "unhealthy");
  const [first] = (await healthOf(id))?.log ?? [];
  expect(first?.exitCode).toBe(-1);
  expect(first?.output).toContain('exec: "/nope": stat /nope: no such file or directory');
});

test("output is cut at 4096 bytes", async () => {
  const id = await start("yes | head -c 100000", {});
  await reaches(id, "healthy");
  expect((await healthOf(id))?.log[0]?.output).toBe(`${"y\n".repeat(2048)}...`);
});

test("in the start period failures do not count and the pace is its own", async () => {
  const id = await start("test -e /up", {
    intervalNs: 60_000 * MS,
    startPeriodNs: 30_000 * MS,
    startIntervalNs: 20 * MS,
    retries: 1,
  });
  await until("there were probes", async () => ((await healthOf(id))?.log.length ?? 0) >= 3);
  expect(await healthOf(id)).toMatchObject({ status: "starting", failingStreak: 0 });
  expect(events()).toEqual([]);
});

test("when the container ends, probes end and the status is unhealthy; a new start begins anew", async () => {
  const id = await start("true", {});
  await reaches(id, "healthy");
  await system.containers.stop(id, {});
  expect((await healthOf(id))?.status).toBe("unhealthy");
  const filtered = await system.containers.list({
    all: true,
    limit: 0,
    size: false,
    filters: { health: ["unhealthy"] },
  });
  expect(filtered.map((container) => container.id)).toEqual([id]);
  await system.containers.start(id);
  expect(await healthOf(id)).toMatchObject({ status: "starting", failingStreak: 0 });
  await reaches(id, "healthy");
});

test("no check, or NONE: no health", async () => {
  for (const test of [[], ["NONE"]]) expect(await healthOf(await start("", { test }))).toBeUndefined();
});
