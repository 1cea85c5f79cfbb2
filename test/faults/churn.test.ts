import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { type Api, apiOf } from "../attacks/api.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";

/**
 * Fault 73, scaled down: clients create, run and remove while the daemon is killed now and then. `GANTRY_CHURN_SECONDS` makes it
 * longer.
 */
const SECONDS = Number(process.env.GANTRY_CHURN_SECONDS ?? 20);
const CLIENTS = 8;
const KILL_EVERY_MS = 4000;

let daemon: TestDaemon;
let api: Api;
beforeAll(async () => {
  daemon = await startDaemon({ wideSubnet: true });
  api = apiOf(daemon);
}, 60_000);
afterAll(() => daemon?.[Symbol.asyncDispose](), 60_000);

/** One container's life, one of several kinds. Throws when the daemon goes away in between. */
async function life(kind: number): Promise<void> {
  const request = [
    { Cmd: ["true"], HostConfig: { AutoRemove: true } },
    { Cmd: ["sh", "-c", "echo x; exit 3"], Volumes: { "/data": {} } },
    { Cmd: ["sleep", "100"], HostConfig: { PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "0" }] } } },
    { Cmd: ["cat"], Tty: true, OpenStdin: true, HostConfig: { NetworkMode: "none" } },
  ][kind % 4] as object;
  const id = await api.create(request);
  await api.call("POST", `/containers/${id}/start`);
  if (kind % 4 === 1) await api.wait(id);
  if (kind % 4 === 2) await api.exec(id, ["true"]);
  if (kind % 8 === 3) await api.call("POST", `/containers/${id}/stop?t=0`);
  if (kind % 4 !== 0) await api.call("DELETE", `/containers/${id}?force=1&v=1`);
}

async function client(number: number, end: number): Promise<number> {
  let lives = 0;
  for (let kind = number; performance.now() < end; kind++) {
    const lived = await life(kind).then(
      () => true,
      () => false,
    );
    if (lived) lives++;
    else await Bun.sleep(20);
  }
  return lives;
}

async function killer(end: number): Promise<number> {
  let kills = 0;
  while (performance.now() + KILL_EVERY_MS < end) {
    await Bun.sleep(KILL_EVERY_MS * (0.5 + Math.random() / 2));
    await daemon.kill9();
    await daemon.start();
    kills++;
  }
  return kills;
}

const rssMib = () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${daemon.pid()}/status`, "utf8"))?.[1]) / 1024;

test("fault 73: clients at work while the daemon is killed leave nothing", async () => {
  const end = performance.now() + SECONDS * 1000;
  const clients = Array.from({ length: CLIENTS }, (_, number) => client(number, end));
  const [kills, ...lives] = await Promise.all([killer(end), ...clients]);
  expect(kills).toBeGreaterThan(0);
  expect(lives.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(50);
  expect(await daemon.leakCheck()).toEqual([]);
  await api.call("POST", "/volumes/prune?filters=%7B%22all%22%3A%5B%22true%22%5D%7D");
  expect(readdirSync(`${daemon.dataRoot}/volumes`)).toEqual([]);
}, 120_000);

test("fault 73: a daemon at work does not grow", async () => {
  const turn = () => Promise.all(Array.from({ length: CLIENTS }, (_, number) => life(number)));
  for (let warm = 0; warm < 25; warm++) await turn();
  const [rss, descriptors] = [rssMib(), readdirSync(`/proc/${daemon.pid()}/fd`).length];
  for (let work = 0; work < 40; work++) await turn();
  expect(rssMib() - rss).toBeLessThan(40);
  expect(readdirSync(`/proc/${daemon.pid()}/fd`).length).toBeLessThanOrEqual(descriptors + 8);
  expect(await daemon.leakCheck()).toEqual([]);
}, 120_000);
